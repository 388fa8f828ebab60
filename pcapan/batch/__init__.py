"""Many captures: a Parquet dataset, one result an incident, and what they say together."""
