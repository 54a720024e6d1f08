"""What backbus costs in time and memory, side by side with other engines: ``make bench``."""
