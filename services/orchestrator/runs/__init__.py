"""The machine of runs: which members work on which attempt of which job."""
