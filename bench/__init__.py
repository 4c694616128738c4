"""The benchmark: `make bench`. It is not shipped; what each row measures is told in docs/benchmarks.md."""
