"""Compiled loops over the bars of a block: what indicators and signals are made of, and nothing else.

Every loop takes its input, its output and its state as arrays and returns a count or nothing. The state is all that a
loop remembers between two blocks, so that cutting a stream elsewhere changes no byte. A value that is not finite (a
hole, or a warm-up row of another indicator) is skipped: the output there is NaN and the state does not move.
"""
