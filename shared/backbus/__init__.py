"""backbus: a distributed, event-driven backtester."""
