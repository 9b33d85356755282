"""Measurements: run by hand, printed as tables, recorded in docs/benchmarks.md."""
