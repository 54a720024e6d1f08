"""The performance service: counts a run from its streams and delivers its report and artifacts."""
