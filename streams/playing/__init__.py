"""Matches played again: chosen, sent, waited for, watched, and compared with what the features' code says of them."""
