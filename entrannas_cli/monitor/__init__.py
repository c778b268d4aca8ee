"""What the dashboard and ``watch`` know of runs, kept up to date by polling: stat, offsets, nothing read twice.

``run_index`` (all runs, one row each) · ``run_metrics`` (the metrics of one run as arrays) · ``cell_history`` (its
derived cells) · ``log_tail`` (the end of its log) · ``system_usage`` (its process, the machine and the GPUs).

Each object is for one thread, which calls its ``refresh``, ``read`` or ``sample`` now and then; these never
raise for the content of files, and never block for long. Nothing here loads torch, numpy, pandas, pydantic or
textual.
"""
