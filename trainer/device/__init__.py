"""The machine: its cores, and the device that computes."""
