"""Kafka, Faust, settings, command line and web: the only impure package."""
