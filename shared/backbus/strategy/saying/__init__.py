"""What a strategy says: wishes for bars become signal records."""
