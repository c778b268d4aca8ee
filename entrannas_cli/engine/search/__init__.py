"""A search: from its configuration to a genotype."""
