"""The commands of `weakseg`, by what they are about. Thin: services do the work."""
