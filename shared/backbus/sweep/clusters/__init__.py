"""Points computed by a cluster that is there already."""
