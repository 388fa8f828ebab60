"""One packet at a time: what the bytes say. Pure functions, no I/O, no pandas."""
