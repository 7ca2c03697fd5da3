"""Networks that write one token after the other: read from their files, run, judged."""
