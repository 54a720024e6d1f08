"""What handlers say to each other: events, their schemas, and their bytes."""
