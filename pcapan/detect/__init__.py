"""Rule files and tables become findings."""
