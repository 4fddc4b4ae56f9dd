"""From a trained student to its compact form."""
