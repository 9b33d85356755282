"""The method: what is learned from a batch, as in the paper."""
