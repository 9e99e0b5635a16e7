"""The contracts of every topic, the records they describe and the codec between the two."""
