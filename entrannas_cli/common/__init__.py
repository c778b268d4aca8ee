"""Shared by all packages: errors, text, bounded reading of files, atomic writes. Loads no torch."""
