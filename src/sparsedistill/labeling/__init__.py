"""Soft targets: a corpus scored by a teacher."""
