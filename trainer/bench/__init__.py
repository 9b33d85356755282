"""How fast the trainer is, by parts, each against what it is compared with in the same run."""
