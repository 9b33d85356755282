"""The parts of a procedural street scene, each drawn into a picture and its mask at once."""
