"""A ranking: cells of searches, trained briefly and ranked by accuracy."""
