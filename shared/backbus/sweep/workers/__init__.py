"""Chunks of points, and the processes that compute them."""
