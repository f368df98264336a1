"""Use cases: load, compute, save."""
