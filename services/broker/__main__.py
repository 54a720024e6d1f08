"""Start the broker. In: whatever is published. Out: the same, to whoever subscribed."""

from __future__ import annotations

from backbus.loading import loading

with loading():
    from backbus.services.broker.service import Broker
    from backbus.settings import Settings

if __name__ == "__main__":
    Broker(Settings(key_name="service")).run()
