"""Does the search beat chance? Searched, random and published cells, trained under the same budget."""
