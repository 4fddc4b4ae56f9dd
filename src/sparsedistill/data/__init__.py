"""Texts and labels in files and in memory."""
