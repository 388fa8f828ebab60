"""The declared columns and the rows behind every rule and export."""
