"""Does the search beat chance? Searches, random and published cells, all trained under one budget."""
