"""A training: a genotype's network, from scratch."""
