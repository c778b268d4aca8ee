"""Validate a draft as the commands do: configuration, cells, name and data. Slow, so call it in a thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...common.errors import EntrannasError, UsageError
from ...common.text import shown
from ...config.flags import OVERRIDE_FLAG, flag_of
from ...config.project import runs_dir as default_runs_dir
from ...store.create import slug
from .draft import OVERRIDES, Draft, fields_of, seeds_of
from .resolve import resolve

if TYPE_CHECKING:
    from ...config.errors import Problem
    from ...config.resolve import Resolved
    from ...config.search import SearchConfig
    from ...config.train import TrainConfig
    from ...store.find_genotype import NamedGenotype

__all__ = ["DataChecker", "Validation", "check", "images_per_epoch", "with_data"]


@dataclass(frozen=True, kw_only=True)
class Validation:
    """A draft and its ``problems`` by field (those of no field have an empty name). Without any, it can be started.

    ``defaults`` has, by field, the value that applies while nothing is typed, and its source. ``images`` is the
    size of the training part, 0 if unknown. ``cells`` are those of a training. ``runs_dir`` is the value for
    `--runs-dir`, empty if not needed. ``data_checked`` means that the data has been checked too.
    """

    draft: Draft
    seeds: tuple[int, ...] = ()
    problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    resolved: Resolved[SearchConfig] | Resolved[TrainConfig] | None = None
    cells: NamedGenotype | None = None
    images: int = 0
    runs_dir: str = ""
    data_checked: bool = False

    @property
    def fine(self) -> bool:
        """Whether the draft can be started."""
        return self.data_checked and not self.problems


class _Problems(dict[str, tuple[str, ...]]):
    def add(self, name: str, *lines: str) -> None:
        self[name] = (*self.get(name, ()), *lines)


def check(draft: Draft, runs_dir: Path) -> Validation:
    """Check everything about ``draft`` except its data."""
    problems = _Problems()
    seeds: tuple[int, ...] = ()
    try:
        seeds = seeds_of(draft.text("seeds"))
    except UsageError as error:
        problems.add("seeds", error.message)
    if name := draft.text("name"):
        try:
            slug(f"{name}-s{max(seeds)}" if len(seeds) > 1 else name)
        except UsageError as error:
            problems.add("name", error.message)
    cells = _cells(draft, runs_dir, problems)
    resolved = _resolved(draft, seeds, cells, problems)
    return Validation(
        draft=draft,
        seeds=seeds,
        problems=dict(problems),
        defaults={} if resolved is None else _defaults(draft, resolved),
        resolved=resolved,
        cells=cells,
        runs_dir=_runs_dir_option(runs_dir),
    )


def _runs_dir_option(runs_dir: Path) -> str:
    """Return the value for `--runs-dir`; empty if ``runs_dir`` is the default in this working directory."""
    try:
        cwd = Path.cwd()
    except OSError:  # it is gone, which is shown as a problem
        return str(runs_dir)
    try:
        default: Path | None = default_runs_dir()
    except UsageError:  # of a broken project file, which is shown as a problem
        default = None
    if default is not None and os.path.realpath(cwd / runs_dir) == os.path.realpath(default):
        return ""
    return str(runs_dir.relative_to(cwd) if runs_dir.is_relative_to(cwd) else runs_dir)


def _cells(draft: Draft, runs_dir: Path, problems: _Problems) -> NamedGenotype | None:
    from ...store.find_genotype import STANDARD_INPUT, find_genotype

    reference = draft.text("cells")
    if draft.kind != "train":
        return None
    if not reference:
        problems.add(
            "cells", "required: a run (RUN@STEP: its cells at that step), a file, or published cells by name"
        )
    elif reference.split("@")[0] == STANDARD_INPUT:
        problems.add("cells", "nothing can be piped into this form: name a run, a file or published cells")
    else:
        try:
            return find_genotype(reference, runs_dir)
        except UsageError as error:
            problems.add("cells", error.message)
    return None


def _resolved(
    draft: Draft, seeds: tuple[int, ...], cells: NamedGenotype | None, problems: _Problems
) -> Resolved[SearchConfig] | Resolved[TrainConfig] | None:
    from ...config.errors import ConfigurationError

    try:
        # with several seeds, the one most likely to be too large
        return resolve(draft, max(seeds, default=None), None if cells is None else cells.run)
    except ConfigurationError as error:
        for problem in error.problems:
            problems.add(*_field_and_lines(draft, problem))
    except UsageError as error:
        problems.add("", error.message, *error.details)
    return None


def _field_and_lines(draft: Draft, problem: Problem) -> tuple[str, ...]:
    """Return the field where ``problem`` is shown, and the lines to show."""
    names = {field.key: field.name for field in fields_of(draft.kind) if field.key}
    for key, source in problem.concerns:
        if source == OVERRIDE_FLAG:
            return OVERRIDES[draft.kind], str(problem).removeprefix(f"{OVERRIDE_FLAG} "), *problem.details
        if key in names:
            # values that are visible in the form need no naming
            visible = all(
                other in names and source in (flag_of(other), "default") for other, source in problem.concerns
            )
            return names[key], problem.text if visible else str(problem), *problem.details
    return "", str(problem), *problem.details


def _defaults(draft: Draft, resolved: Resolved[Any]) -> dict[str, str]:
    from ...config.keys import flatten_model

    values = flatten_model(resolved.config)
    defaults = {}
    for form_field in fields_of(draft.kind):
        if form_field.key in values:
            value = values[form_field.key]
            text = value if isinstance(value, str) else shown(value)
            defaults[form_field.name] = f"{text}  ({resolved.sources[form_field.key]})" if text else ""
    return defaults


def images_per_epoch(config: Any, images: int) -> tuple[float, int]:
    """Return how many of a training part's ``images`` the weights learn from, and how many per step."""
    data = config.data
    if hasattr(config, "train"):
        return round(images * data.portion * (1 - data.validation_share), 6), config.train.batch_size
    return round(images * data.portion * data.weights_share, 6), config.search.batch_size


class DataChecker:
    """Checks whether data is available. Remembers what was found; looks again for what wasn't."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # a large folder on a slow disk isn't listed twice at once
        self._found: dict[tuple[object, ...], int] = {}

    def images(self, resolved: Resolved[Any]) -> int:
        """Return the number of images in the training part, 0 if unknown. Raises ``EntrannasError``."""
        from ...data.availability import dataset_facts
        from ...engine.preflight import require_data

        config = resolved.config
        data, test = config.data, getattr(config.evaluation, "test", False)
        if data.dataset == "synthetic":
            return int(data.images)
        key = (data.dataset, data.path, data.image_size, test)
        with self._lock:
            if key not in self._found:
                require_data(data, test=test)
                self._found[key] = dataset_facts(data.dataset).train_images or _listed(data)
            return self._found[key]


def _listed(data: Any) -> int:
    from ...data.folder import list_folder

    return len(list_folder(Path(data.path).expanduser(), "train", data.image_size).images)


def with_data(validation: Validation, checker: DataChecker) -> Validation:
    """Return ``validation`` with the problems of its data."""
    if validation.resolved is None or getattr(validation.resolved.config, "method", "") == "random":
        return replace(validation, data_checked=True)  # random cells look at no image
    config = validation.resolved.config
    problems = _Problems(validation.problems)
    images = 0
    try:
        images = checker.images(validation.resolved)
    except EntrannasError as error:
        problems.add("data" if config.data.dataset == "folder" else "dataset", error.message, *error.details)
    usable, batch = images_per_epoch(config, images)
    usable = min(usable, images * config.data.portion * getattr(config.data, "architecture_share", 1.0))
    if images and batch >= usable + 1:  # one more or less: shares are rounded
        problems.add("", f"the batch size of {batch} exceeds the {usable:.0f} images to learn from")
    return replace(validation, images=images, problems=dict(problems), data_checked=True)
