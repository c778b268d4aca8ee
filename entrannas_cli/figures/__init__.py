"""Curves of runs, cells and how they changed: from data to matplotlib figures and files."""
