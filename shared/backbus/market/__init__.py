"""The words that all handlers share: ticks, panel, records, costs, ledger, and the steps that act on them."""
