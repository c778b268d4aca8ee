"""A self-contained page about runs: results, how they came about, how to reproduce them. Doesn't import torch."""
