"""The weights of a student and its answers, without torch."""
