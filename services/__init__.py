"""The processes of a stack; started as ``python -P -m backbus.services.<name>``."""
