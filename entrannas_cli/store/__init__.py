"""The run store: one directory per run, plain files, one writer per file. See docs/run-directory.md.

Reading order: ``jsonl`` (append-only logs) → ``status`` (which process works on a run, and whether it is alive) →
``run`` (reading a run) → ``create`` → ``find_run`` and ``find_genotype`` → ``session`` (the single writer) →
``stop`` → ``notes`` (the user's tags and note) → ``overview`` (what lists show). Nothing here loads torch, pandas
or pydantic.
"""
