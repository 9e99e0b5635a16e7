"""The latest prediction of each match, kept in Redis."""
