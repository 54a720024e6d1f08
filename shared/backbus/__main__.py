"""``python -m backbus`` is the command ``backbus``."""

from backbus.cli import main

main()
