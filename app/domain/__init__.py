"""Arithmetic of stock and customers: numbers in, numbers out."""
