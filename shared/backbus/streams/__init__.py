"""A run's events without sockets: who says what to whom, in which bytes, and both ends of each stream. Pure."""
