"""A real Kafka and a real schema registry on loopback, from package registries only."""
