"""A ranking: the cells of searches, trained briefly and put in order."""
