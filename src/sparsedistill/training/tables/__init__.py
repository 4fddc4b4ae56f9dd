"""The table of n-gram embeddings: its base class and its back ends, which train to the same result."""

from .base import EPSILON, Table, descend
from .registry import BACK_ENDS, make_table, table_class

__all__ = ["BACK_ENDS", "EPSILON", "Table", "descend", "make_table", "table_class"]
