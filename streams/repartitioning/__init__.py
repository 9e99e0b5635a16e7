"""More partitions for a deployment: its topics grown, its states moved to where their keys belong then."""
