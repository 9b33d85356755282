"""A run from its start to its report, on one process or several."""
