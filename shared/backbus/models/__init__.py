"""A user's own models: functions made callable for compiled loops."""
