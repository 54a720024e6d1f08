"""A run's streams of events: who says what to whom."""
