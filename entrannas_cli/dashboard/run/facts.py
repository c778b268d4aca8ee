"""Read a run's small files in a thread: overview, operations, configuration and last cells."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ...common.files import BrokenRun, read_text
from ...method.genotype import Genotype
from ...monitor.system_usage import Sample, SystemWatch
from ...store.overview import Overview, overview
from ...store.run import CONFIG_FILE, Run

__all__ = ["RunFiles", "read_run_files"]


@dataclass(frozen=True, kw_only=True)
class RunFiles:
    """``overview`` is None if the folder is gone. ``problem`` says why ``cells`` cannot be read.

    ``operations`` are the names in the space; empty if unknown.
    """

    overview: Overview | None
    operations: tuple[str, ...] = ()
    configuration: str = ""
    cells: Genotype | None = None
    problem: str = ""
    sample: Sample | None = None


def read_run_files(run: Run, before: RunFiles | None, system: SystemWatch | None) -> RunFiles:
    """Read the facts again, but reuse what never changes from ``before``. Sample ``system``, if given."""
    if not os.path.isdir(run.path):  # noqa: PTH112 (raises nothing)
        return RunFiles(overview=None)
    run_overview = overview(run)
    configuration = before.configuration if before is not None else ""
    operations = before.operations if before is not None else ()
    cells, problem = None, ""
    try:
        cells = run.genotype()
    except BrokenRun as error:
        problem = error.reason
    return RunFiles(
        overview=run_overview,
        operations=operations or _operations(run),
        configuration=configuration or _configuration(run),
        cells=cells,
        problem=problem,
        sample=None if system is None else system.sample(run_overview.status),
    )


def _operations(run: Run) -> tuple[str, ...]:
    try:
        return tuple(run.space().operations)
    except BrokenRun:
        return ()


def _configuration(run: Run) -> str:
    try:
        return read_text(run.path / CONFIG_FILE)
    except BrokenRun:
        return ""
