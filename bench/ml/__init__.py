"""Benchmarks of the models on public data: `python -m bench.ml`. Those of the servers are beside it."""
