"""The work of a ranking: score with inherited weights, train the most promising cells, rank them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...common.errors import RunFailed, UsageError, WriteFailed
from ...common.text import plain
from ...config.keys import flatten_model
from ...config.to_toml import to_toml
from ...config.train import TrainConfig
from ...method.genotype import Genotype
from ...method.space import CELL_KINDS
from ...store.create import create_run
from ...store.find_run import list_runs
from ...store.run import CONFIG_FILE, GENOTYPE_FILE, TRAININGS, Run
from ...store.session import RunSession
from ..check_operations import require_operations
from ..execute import execute
from ..observer import Observer, Row, Started
from ..run_context import RunContext
from ..torch_errors import translate_errors
from ..train.create import search_summary
from ..train.run import run_training
from .candidates import Candidate, read_candidates
from .inherited import inherited_accuracies
from .ranking import chosen, rank_correlation, ranking

if TYPE_CHECKING:
    from ...config.rank import RankConfig

__all__ = ["run_ranking"]


def run_ranking(context: RunContext[RankConfig]) -> None:
    """Start or resume a ranking, run it to the end or until a stop, and finish the session.

    A failed training ranks last; the others continue. Raises ``WriteFailed`` if a file can't be written.
    """
    session, config = context.session, context.config
    session.update_summary({"preset": config.train.preset})
    candidates = read_candidates(session.run)
    for candidate in candidates:
        require_operations(candidate.genotype.operations, f"cells of {candidate.search}")
    session.begin_attempt(1)
    inherited = _inherited_accuracies(context, candidates)
    if session.stop_requested:
        session.finish("stopped", session.stop_reason)
        return
    selected = chosen(candidates, inherited, config.rank.top)
    trained: list[tuple[Candidate, Row]] = []
    runs: dict[Genotype, Run] = {}  # equal cells of two searches are trained once
    usage_error: UsageError | None = None
    for index, candidate in enumerate(selected):
        child = runs.get(candidate.genotype) or _training_run(context, candidate)
        runs[candidate.genotype] = child
        if child.status().state != "completed":
            usage_error = _train(context, child, _PartObserver(context, index, len(selected))) or usage_error
        stopped = child.status().state == "stopped"  # on its own: it must not count as failed
        if session.stop_requested or stopped:
            session.finish("stopped", session.stop_reason or f"its training {child.id} was stopped")
            return
        trained.append((candidate, child.summary()))
    rows = ranking(trained, inherited)
    if all(row["accuracy"] is None for row in rows):
        raise usage_error or RunFailed("none of the cells could be trained: see the runs in trainings/")
    by_number = {candidate.number: candidate for candidate in candidates}
    winner = by_number[rows[0]["candidate"]]
    session.write_genotype(session.run.status().step, 0, winner.genotype)
    session.update_summary(
        {"ranking": rows, **rank_correlation(rows), "search": _search_summary(winner) or None}
    )
    session.finish("completed")


def _inherited_accuracies(context: RunContext[RankConfig], candidates: list[Candidate]) -> dict[int, float]:
    """Return accuracies by candidate number; none for searches without a super-net or without their data."""
    session, stored = context.session, context.session.run.summary().get("inherited")
    accuracies = {int(key): float(value) for key, value in stored.items()} if isinstance(stored, dict) else {}
    by_search: defaultdict[Any, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.number not in accuracies:
            by_search[candidate.path].append(candidate)
    for path, group in by_search.items():
        genotypes: list[Genotype] = [candidate.genotype for candidate in group]
        try:
            with (
                context.opening_data() as progress,
                translate_errors(out_of_memory="the super-net of a search does not fit"),
            ):
                scores = inherited_accuracies(path, genotypes, context.compute, progress)
                for n, (candidate, accuracy) in enumerate(zip(group, scores, strict=True), 1):
                    accuracies[candidate.number] = accuracy
                    progress("scoring with inherited weights", n, len(group))
        except (UsageError, RunFailed) as error:
            context.observer.message(
                "warning", f"no accuracy with inherited weights for {plain(group[0].search)}: {error.message}"
            )
        finally:  # also when a stop is requested
            session.update_summary({"inherited": {str(key): value for key, value in accuracies.items()}})
    return accuracies


def _training_run(context: RunContext[RankConfig], candidate: Candidate) -> Run:
    """Return the run that trains ``candidate``, new unless it exists."""
    folder = context.session.run.path / TRAININGS
    for run in list_runs(folder):
        if run.summary().get("candidate") == candidate.number:
            return run
    config = context.config.training_config()
    search = _search_summary(candidate)
    return create_run(
        folder,
        kind="train",
        space=str(search.get("space") or ""),
        method=str(search.get("method") or ""),
        seed=config.seed,
        label=f"{candidate.number:03d}-epoch-{candidate.epoch}",
        files={CONFIG_FILE: to_toml(flatten_model(config)), GENOTYPE_FILE: candidate.genotype.to_json()},
        summary={
            "candidate": candidate.number,
            "cells": f"{candidate.search}@{candidate.step}",
            "origin": f"run {candidate.search}",
            "search": search or None,
            "dataset": config.data.dataset,
            "preset": config.train.preset,
        },
    )


def _search_summary(candidate: Candidate) -> Row:
    """Return the facts of the candidate's search, with the sparsities at the time of the cells."""
    sparsities = {f"sparsity_{kind}": getattr(candidate, f"sparsity_{kind}") for kind in CELL_KINDS}
    facts = search_summary(Run(candidate.path), last=candidate.is_last)
    return facts | {key: value for key, value in sparsities.items() if value is not None}


def _train(context: RunContext[RankConfig], child: Run, observer: _PartObserver) -> UsageError | None:
    """Train ``child``; return the ``UsageError`` that ended it, if any: a configuration unfit for the cells."""
    session = RunSession(child)
    observer.child = session
    try:
        with session:
            execute(session, observer, TrainConfig, run_training)
    except WriteFailed:  # of the disk, not of these cells: a resume trains them
        raise
    except (RunFailed, UsageError) as error:
        context.observer.message("warning", f"{plain(child.id)}: {error.message}")
        return error if isinstance(error, UsageError) else None
    return None


class _PartObserver:
    """The observer of one training: forwards its events as those of part ``index`` of the ranking."""

    child: RunSession

    def __init__(self, context: RunContext[RankConfig], index: int, parts: int) -> None:
        self._observer: Observer = context.observer
        self._session = context.session
        self._index, self._parts = index, parts
        self._previous_steps = self._previous_epochs = 0

    def started(self, facts: Started) -> None:
        """Present the ranking as one run of many epochs."""
        self._previous_epochs = self._index * facts.epochs
        self._previous_steps = self._previous_epochs * facts.steps_per_epoch
        total = self._parts * facts.epochs
        self._session.set_totals(epochs=total, steps=total * facts.steps_per_epoch)
        what = (f"cells {self._index + 1} of {self._parts}", *facts.what[1:])
        parent = self._session.run
        self._observer.started(
            replace(
                facts,
                kind="rank",
                id=parent.id,
                path=str(parent.path),
                what=what,
                epochs=total,
                epoch=self._previous_epochs + facts.epoch,
                step=self._previous_steps + facts.step,
                attempt=self._session.attempt,
            )
        )

    def step(self, row: Row) -> None:
        """Forward the step, counted from the first part on; a stop of the ranking also stops the training."""
        if self._session.stop_requested:
            self.child.request_stop(self._session.stop_reason)
        row = self._with_offset(row)
        self._session.set_progress(row["epoch"], row["step"])
        self._observer.step(row)

    def epoch(self, row: Row) -> None:
        """Forward the epoch, counted from the first part on."""
        self._observer.epoch(self._with_offset(row))

    def derived(self, step: int, genotype: Genotype) -> None:
        """Forward the cells that are trained."""
        self._observer.derived(self._previous_steps + step, genotype)

    def message(self, level: str, text: str) -> None:
        """Forward the message."""
        self._observer.message(level, text)

    def finished(self, summary: Row) -> None:
        """Do nothing: the end of a part is not the end of the ranking."""

    def _with_offset(self, row: Row) -> Row:
        return {
            **row,
            "step": self._previous_steps + row["step"],
            "epoch": self._previous_epochs + row["epoch"],
        }
