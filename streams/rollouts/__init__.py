"""Roll-outs: the plan that comes with Touchline, and the reading of others."""
