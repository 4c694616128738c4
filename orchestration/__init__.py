"""When things run. It moves batches and computes nothing."""
