"""From runs to result tables: which runs, which columns, groups, differences, and the formats. Loads no torch."""
