"""Benchmarks against the figures of each issue and against peers measured in the same run."""
