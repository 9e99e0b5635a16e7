"""The api role: predictions over HTTP, from an index in memory."""
