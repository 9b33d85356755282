"""The study: what each kind of supervision and each term of the loss earns, on one pair of domains.

Every run is an ordinary run directory of its own. A study that was stopped goes on with the runs
that are not finished.
"""
