"""Curves of runs: from metric rows to panels of lines, and to a picture. UI-free, never loads torch."""
