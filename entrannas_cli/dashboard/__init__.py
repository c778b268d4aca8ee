"""``entrannas dashboard``: the workbench in the terminal. Reads files only, never loads torch."""
