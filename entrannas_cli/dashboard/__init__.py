"""``entrannas dashboard``: a terminal UI for runs. Only reads files, never loads torch."""
