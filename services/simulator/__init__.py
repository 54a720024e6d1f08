"""The simulator service: makes a job's market and plays it to the run as NEW_DATA."""
