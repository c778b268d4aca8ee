"""What a dashboard knows of the runs, kept up to date by looking again: stat, offsets, nothing read twice.

``catalogue`` (all runs, a row each) · ``course`` (the metrics of one run as arrays) · ``history`` (its derived
cells) · ``log`` (the end of its log) · ``system`` (what its process, the machine and the GPUs do).

Each object is meant for one thread that calls its ``refresh``, ``read`` or ``sample`` now and then; these never
raise for what files hold, and never block for long. Nothing here loads torch, numpy, pandas, pydantic or textual.
"""
