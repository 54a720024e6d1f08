"""Runs that are kept: what one was made of, its receipt, and the folder that all of them lie in."""
