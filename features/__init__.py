"""From records to the numbers a model reads."""
