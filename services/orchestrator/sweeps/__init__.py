"""The machine of sweeps: which worker computes which points."""
