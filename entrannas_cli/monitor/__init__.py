"""What a dashboard knows of the runs, kept up to date by looking again: stat, offsets, nothing read twice.

``run_index`` (all runs, a row each) · ``run_metrics`` (the metrics of one run as arrays) · ``cell_history`` (its
derived cells) · ``log_tail`` (the end of its log) · ``system_usage`` (its process, the machine and the GPUs).

Each object is meant for one thread that calls its ``refresh``, ``read`` or ``sample`` now and then; these never
raise for what files hold, and never block for long. Nothing here loads torch, numpy, pandas, pydantic or textual.
"""
