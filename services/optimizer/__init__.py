"""The optimizer: a worker of the fleet, which computes points of sweeps."""
