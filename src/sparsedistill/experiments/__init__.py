"""Recipes run and compared."""
