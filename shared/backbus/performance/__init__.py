"""What came of a run: trades, figures, fingerprint, report and files, from the run's own streams."""
