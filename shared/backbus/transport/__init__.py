"""Sockets, keys, and the shell around a handler: what moves a run's events between processes."""
