"""Slices of a partition, delivered, folded and committed without a gap: knows nothing of football."""
