"""Programs for people: what is in a file, where it diverges, how it runs on a phone."""
