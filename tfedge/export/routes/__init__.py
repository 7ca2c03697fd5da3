"""One export route, one file."""
