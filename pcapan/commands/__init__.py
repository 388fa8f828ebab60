"""What each command does, one module a command; `pcapan.cli` only parses and calls."""
