"""What a run does: set-up, steps, rows, checkpoints, signals; and a package for each kind: search, train, rank."""
