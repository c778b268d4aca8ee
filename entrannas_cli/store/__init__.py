"""The run store: a directory a run, plain files, one writer a file. Described in docs/run-directory.md.

Reading order: ``files`` and ``atomic`` (single files) → ``jsonl`` (append-only logs) → ``status`` (who works on a
run, and whether it still lives) → ``run`` (reading one) → ``create`` → ``find`` → ``session`` (the one writer)
→ ``stop`` → ``notes`` (what the user says about a run) → ``overview`` (the columns of lists). Nothing here loads
torch, pandas or pydantic.
"""
