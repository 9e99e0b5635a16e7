"""Running statistics of plain numbers."""
