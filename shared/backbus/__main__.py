"""``python -m backbus`` is the command ``backbus``."""

from backbus.cli.app import main

main()
