"""Traces by OpenTelemetry, where the standard variables of the environment ask for them."""
