"""Start an optimizer: a worker of the fleet that computes points of sweeps. In: LEASE. Out: CHUNK, POINTS, TABLE."""

from __future__ import annotations

from backbus.loading import loading

with loading():
    from backbus.services.optimizer.service import Optimizer
    from backbus.settings import Settings

if __name__ == "__main__":
    Optimizer(Settings(key_name="service")).run()
