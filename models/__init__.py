"""From a feature matrix to probabilities."""
