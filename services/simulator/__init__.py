"""The simulator service: reads a job's prices and plays them to the run as NEW_DATA."""
