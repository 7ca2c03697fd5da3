"""Writes the parts of the pages in docs/ that say what the code declares."""
