"""A training of a genotype's network, from scratch."""
