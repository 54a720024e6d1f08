"""The job file, one module a table: what a user wrote, checked; no numbers are made of it here."""
