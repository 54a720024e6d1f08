"""``backbus mcp``: backtests for programs that speak the Model Context Protocol, such as agents, over standard input
and output.

A tool is a command: ``tools.py`` is the table of them. A call is a process of that command, so that nothing that a
strategy writes reaches the protocol, and any call can be ended.
"""
