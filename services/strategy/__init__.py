"""The strategy service: runs a built-in or a user's strategy over NEW_DATA and publishes SIGNAL."""
