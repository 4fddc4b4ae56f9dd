"""The whole job: a teacher and raw text in, a student out."""
