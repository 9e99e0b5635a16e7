"""Changes of what is served: read by every worker, asked for by operators, and reported back."""
