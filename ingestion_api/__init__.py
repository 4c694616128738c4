"""The HTTP endpoint that judges, stores and hands on batches. Importing it loads no web framework."""
