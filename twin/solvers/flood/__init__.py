"""Shallow-water floods on square cells."""
