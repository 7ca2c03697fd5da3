"""Steps of `publish.py`: each file has `FLAGS`, `WORDS` (flags that may be left out) and `main`."""
