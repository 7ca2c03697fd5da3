"""Parts of tools/fuzz_evaluate.py."""
