"""Records, and the rules that portfolio and order layer share: open orders, costs, the ledger, corporate actions."""
