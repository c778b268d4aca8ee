"""The candidates of a ranking: the cells that searches had derived at the ends of epochs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...common.errors import UsageError
from ...common.files import BrokenRun, read_json
from ...common.numbers import number
from ...common.text import plain
from ...method.genotype import Genotype, GenotypeError
from ...store.run import Run

__all__ = ["CANDIDATES_FILE", "Candidate", "candidates_json", "find_candidates", "read_candidates"]

CANDIDATES_FILE = "candidates.json"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Cells of ``search`` (an id; its folder is ``path``), first derived by the end of ``epoch``.

    ``is_last`` says whether they are the search's final cells. The sparsities are those of the Engine-cells at that
    time, None if the search recorded none.
    """

    number: int
    search: str
    path: Path
    epoch: int
    step: int
    is_last: bool
    genotype: Genotype
    sparsity_normal: float | None
    sparsity_reduce: float | None


def find_candidates(searches: Sequence[Run]) -> list[Candidate]:
    """Return the distinct cells of ``searches`` at the ends of epochs, and the last ones, numbered from 1.

    Equal cells of two searches are two candidates: their weights differ. Raises ``UsageError`` for a run that is
    not a search or has no cells.
    """
    candidates: list[Candidate] = []
    for run in searches:
        if (kind := run.status().kind) != "search":
            raise UsageError(
                f"{plain(run.id)} is a {plain(kind)} run: only searches have cells to choose from"
            )
        candidates += _candidates_of(run, first=len(candidates) + 1)
    return candidates


def _candidates_of(run: Run, first: int) -> list[Candidate]:
    history = run.genotypes()
    if not history:
        raise UsageError(f"{plain(run.id)} has derived no cells yet (state: {run.status().state})")
    last = history[-1]
    first_derived: dict[Genotype, tuple[int, int, dict[str, Any]]] = {}
    for row in run.metrics("epoch"):
        step, epoch = row.get("step"), row.get("epoch")
        if type(step) is not int or type(epoch) is not int:
            continue
        earlier = [entry for entry in history if entry.step <= step]
        if earlier:
            first_derived.setdefault(earlier[-1].genotype, (epoch, step, row))
    first_derived.setdefault(last.genotype, (last.epoch, last.step, {}))
    return [
        Candidate(
            number=n,
            search=run.id,
            path=run.path,
            epoch=epoch,
            step=step,
            is_last=genotype == last.genotype,
            genotype=genotype,
            sparsity_normal=number(row.get("sparsity_normal")),
            sparsity_reduce=number(row.get("sparsity_reduce")),
        )
        for n, (genotype, (epoch, step, row)) in enumerate(first_derived.items(), first)
    ]


def candidates_json(candidates: Sequence[Candidate]) -> str:
    """Return the content of ``candidates.json``."""
    rows = [
        {
            "number": candidate.number,
            "search": candidate.search,
            "path": str(candidate.path),
            "epoch": candidate.epoch,
            "step": candidate.step,
            "is_last": candidate.is_last,
            "sparsity_normal": candidate.sparsity_normal,
            "sparsity_reduce": candidate.sparsity_reduce,
            "genotype": candidate.genotype.to_dict(),
        }
        for candidate in candidates
    ]
    return json.dumps({"candidates": rows}, indent=2) + "\n"


def read_candidates(run: Run) -> list[Candidate]:
    """Return the candidates of a ranking. Raises ``UsageError`` for a damaged file."""
    path = run.path / CANDIDATES_FILE
    try:
        return [
            Candidate(
                number=int(row["number"]),
                search=str(row["search"]),
                path=Path(row["path"]),
                epoch=int(row["epoch"]),
                step=int(row["step"]),
                is_last=bool(row["is_last"]),
                genotype=Genotype.from_dict(row["genotype"]),
                sparsity_normal=number(row["sparsity_normal"]),
                sparsity_reduce=number(row["sparsity_reduce"]),
            )
            for row in read_json(path)["candidates"]
        ]
    except BrokenRun as error:
        raise UsageError(f"{plain(str(path))}: {error.reason}") from None
    except (GenotypeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise UsageError(
            f"{plain(str(path))}: not the candidates of a ranking: {plain(str(error))}"
        ) from None
