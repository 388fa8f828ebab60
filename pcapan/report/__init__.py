"""The result document becomes something a person reads."""
