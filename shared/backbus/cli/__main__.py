"""``python -P -m backbus.cli`` is the command ``backbus``, for processes that start one by their own interpreter."""

from backbus.cli import main

main()
