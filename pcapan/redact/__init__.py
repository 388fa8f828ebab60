"""Pseudonyms in place of everything that names a person, a machine or a network."""
