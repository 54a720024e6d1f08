"""How rules are compiled, where compiled code is kept, and which arithmetic it is."""
