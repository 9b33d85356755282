"""Weak labels: taking them from forms, sweeps and files, and handing them out."""
