"""The orchestrator: accepts jobs, keeps them, assigns runs to members, and commits exactly one result for each."""
