"""Runs: asked for, executed on workers, their results brought home."""
