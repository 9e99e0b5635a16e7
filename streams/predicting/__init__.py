"""The predict role: match and feature events in, predictions and team events out."""
