"""Dead letters, found, kept and sent back by a person."""
