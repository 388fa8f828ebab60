"""Speed and memory beside other programs: ``python -m tests.bench --help``."""
