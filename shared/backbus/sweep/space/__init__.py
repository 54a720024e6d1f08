"""Which points a sweep has: axes, constraints, draws, and searches that follow from results."""
