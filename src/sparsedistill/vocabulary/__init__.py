"""The n-gram vocabulary."""
