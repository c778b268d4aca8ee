"""Running runs: set-up, steps, metric rows, checkpoints, signals. One package per kind: search, train, rank."""
