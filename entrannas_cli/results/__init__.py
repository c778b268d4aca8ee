"""Result tables of runs: selection, columns, groups, differences and formats. Loads no torch."""
