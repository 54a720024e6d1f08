"""How events travel: streams with sequence and credit (pure), sockets, keys, and the shell around a handler."""
