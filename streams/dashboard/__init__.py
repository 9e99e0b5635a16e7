"""What the dashboard page shows: read from the topics, kept in bounded memory, told part by part."""
