"""Utilities that all other packages use: files, records, tensors, texts, progress, background work.

Private to sparsedistill. Import from the modules.
"""
