"""Domain-adaptive semantic segmentation from weak labels (Paul et al., ECCV 2020)."""
