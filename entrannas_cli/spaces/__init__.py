"""Search spaces, published cells, and genotypes as other projects print them. Loads no torch."""
