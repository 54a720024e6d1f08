"""The broker: everything that is published reaches everyone who subscribed, and it understands none of it."""
