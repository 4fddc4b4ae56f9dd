"""Training of students, on torch."""
