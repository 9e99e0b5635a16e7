"""How good the published predictions were, once the results of their matches are known."""
