"""Files and frames to tables of bars or trades, as they are written."""
