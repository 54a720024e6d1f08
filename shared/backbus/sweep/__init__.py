"""Many points of one strategy over one panel: search spaces, chunks, and how far their best can be believed."""
