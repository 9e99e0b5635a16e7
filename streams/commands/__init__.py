"""One module for each group of `touchline` commands."""
