"""Records, and the rules that portfolio and order layer share."""
