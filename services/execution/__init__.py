"""The execution service, or order layer: matches ORDER against the market and publishes FILL."""
