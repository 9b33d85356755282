"""What is in a run's folder, and how files are written whole."""
