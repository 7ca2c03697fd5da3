"""Parts of tools/benchmarks/fuzz_evaluate.py."""
