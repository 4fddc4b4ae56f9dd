"""Back ends of the table of n-gram embeddings."""
