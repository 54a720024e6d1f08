"""Tables to panels: one clock, one interval, inspected, adjusted, laid out row by asset."""
