"""Faults on purpose: the running product is hit again and again, and must lose nothing."""
