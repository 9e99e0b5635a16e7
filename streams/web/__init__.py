"""Pages and endpoints a worker serves on loopback."""
