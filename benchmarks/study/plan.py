"""Turns the study's file into jobs: searches, draws and trainings, with their dependencies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from entrannas_cli.common.errors import UsageError
from entrannas_cli.common.files import file_error, read_toml
from entrannas_cli.common.text import choices, did_you_mean, safe
from entrannas_cli.config.methods import METHODS

__all__ = ["Arm", "Job", "Plan", "load_plan"]

SCALES = ("full", "smoke")
Values = dict[str, Any]  # by dotted key


@dataclass(frozen=True, kw_only=True)
class Arm:
    """Cells searched by a ``method``, drawn ``like`` those of another arm, or given as ``cells`` (names, files)."""

    name: str
    method: str = ""
    like: str = ""
    cells: tuple[str, ...] = ()
    space: str = "standard"
    seeds: tuple[int, ...] = ()
    against: str = ""
    values: Values = field(default_factory=dict)

    @property
    def searched(self) -> bool:
        """Whether its cells are learned."""
        return self.method not in ("", "random")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One process. ``cells`` names the cells that it creates or trains; ``arguments`` follow `entrannas`.

    A ``draw`` writes the file ``cells/NAME.json``, the others create a run of that name.
    """

    kind: Literal["search", "draw", "train"]
    name: str
    arm: Arm
    cells: str
    seed: int
    arguments: tuple[str, ...]
    needs: Job | None = None
    training_seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The ``arms``, in the order of the file, and the values of every ``search`` and every training (``train``)."""

    arms: tuple[Arm, ...]
    training_seeds: tuple[int, ...]
    search: Values
    train: Values

    def jobs(self) -> list[Job]:
        """Return every job, seed by seed, so that a study stopped halfway has results for each arm."""
        found: list[tuple[int, Job]] = []
        makers: dict[str, list[Job | None]] = {}
        for arm in sorted(self.arms, key=lambda arm: bool(arm.like)):
            makers[arm.name] = []
            for turn, (name, seed, maker) in enumerate(self._cells(arm, makers)):
                makers[arm.name].append(maker)
                found += [(turn, maker)] if maker else []
                found += [(turn, self._training(arm, name, seed, maker, t)) for t in self.training_seeds]
        order = [arm.name for arm in self.arms]
        found.sort(key=lambda entry: (entry[0], bool(entry[1].arm.like), order.index(entry[1].arm.name)))
        return [job for _, job in found]

    def _cells(
        self, arm: Arm, makers: Mapping[str, list[Job | None]]
    ) -> Iterator[tuple[str, int, Job | None]]:
        yield from ((Path(cells).stem, 0, None) for cells in arm.cells)
        for turn, seed in enumerate(arm.seeds):
            name = f"{arm.name}-s{seed}"
            if arm.like:
                models = makers[arm.like]
                model = models[turn % len(models)]
                yield name, seed, self._draw(arm, name, seed, model)
            else:
                chosen = {**self.search, "method": arm.method, "space": arm.space, "seed": seed, **arm.values}
                arguments = ("search", "--name", name, *_sets(chosen))
                yield (
                    name,
                    seed,
                    Job(kind="search", name=name, arm=arm, cells=name, seed=seed, arguments=arguments),
                )

    def _draw(self, arm: Arm, name: str, seed: int, model: Job | None) -> Job:
        if model is None:
            raise UsageError(f"arm {arm.name}: like: arm {arm.like} has no seeds")
        for key in ("derived.cells", "derived.channels"):
            if key not in self.train:
                raise UsageError(
                    f"arm {safe(arm.name)}: like: set {key} in [values.train]: it defines the size to match"
                )
        size = self.train.get("data.image_size") or 32
        network = (self.train["derived.cells"], self.train["derived.channels"], size)
        size_options = tuple(
            text
            for option, value in zip(("--cells", "--channels", "--image-size"), network, strict=True)
            for text in (option, str(value))
        )
        arguments = (
            *("genotype", "random", "--like", model.name, "--space", arm.space, "--seed", str(seed)),
            *size_options,
        )
        return Job(kind="draw", name=name, arm=arm, cells=name, seed=seed, arguments=arguments, needs=model)

    def _training(self, arm: Arm, name: str, seed: int, maker: Job | None, training_seed: int) -> Job:
        training = f"{name}-t{training_seed}"
        source = f"cells/{name}.json" if arm.like else name
        source = next((cells for cells in arm.cells if Path(cells).stem == name), source)
        values = {**self.train, "seed": training_seed}
        return Job(
            kind="train",
            name=training,
            arm=arm,
            cells=name,
            seed=seed,
            training_seed=training_seed,
            arguments=("train", source, "--name", training, *_sets(values)),
            needs=maker,
        )


def load_plan(path: Path, *, scale: str, data: Path | None, score: str, seeds: int | None) -> Plan:
    """Load the plan in the file ``path``; ``seeds`` limits each arm. Raises ``UsageError`` if it is invalid."""
    if seeds is not None and seeds < 1:
        raise UsageError(f"--seeds {seeds}: at least 1 of each arm")
    content = read_toml(path, file_error)
    tables = [content] + ([content.get("smoke", {})] if scale == "smoke" else [])
    search: Values = {}
    train: Values = {}
    limit = seeds
    for table in tables:
        values = table.get("values", {})
        for kind, into in (("search", search), ("train", train)):
            into |= {**_flat(values.get("both", {})), **_flat(values.get(kind, {}))}
        limit = min((n for n in (table.get("seeds"), limit) if n is not None), default=None)
    if data is not None:
        for into in (search, train):
            into |= {"data.dataset": "folder", "data.path": str(data.expanduser().absolute())}
        if scale == "smoke":
            for into in (search, train):
                into["data.image_size"] = 8
    elif scale != "smoke":
        raise UsageError("--data: pass a folder or .zip of images with train/ and test/")
    if score == "validation":
        train["evaluation.test"] = False
    arms = tuple(_arm(path, table, limit) for table in content.get("arm", []))
    _check(path, arms)
    return Plan(
        arms=arms, training_seeds=tuple(range(content.get("training_seeds", 1))), search=search, train=train
    )


def _arm(path: Path, table: Mapping[str, Any], limit: int | None) -> Arm:
    known = ("name", "method", "like", "cells", "space", "seeds", "against", "values")
    name = str(table.get("name", ""))
    for key in table:
        if key not in known:
            raise UsageError(
                f"{safe(str(path))}: arm {safe(name)}: unknown key {safe(key)}{did_you_mean(key, known)}"
            )
    if not name or sum(key in table for key in ("method", "like", "cells")) != 1:
        raise UsageError(
            f"{safe(str(path))}: arm {safe(name) or '(unnamed)'}: needs a name and one of method, like or cells"
        )
    method = str(table.get("method", ""))
    if method and method not in METHODS:
        raise UsageError(
            f"{safe(str(path))}: arm {safe(name)}: no method {safe(method)}{did_you_mean(method, METHODS)}; "
            f"the methods are {', '.join(METHODS)}"
        )
    seeds = table.get("seeds", 0)
    seeds = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    if not seeds and "cells" not in table:
        raise UsageError(f"{safe(str(path))}: arm {safe(name)}: seeds: set their number or a list")
    return Arm(
        **{key: str(table[key]) for key in ("name", "method", "like", "space", "against") if key in table},
        cells=tuple(_located(path, cells) for cells in table.get("cells", ())),
        seeds=tuple(seeds[:limit]),
        values=_flat(table.get("values", {})),
    )


def _located(path: Path, cells: str) -> str:
    """Resolve a file of cells relative to the plan; anything else is a name."""
    return str(path.absolute().parent / cells) if cells.endswith(".json") else cells


def _check(path: Path, arms: Sequence[Arm]) -> None:
    by_name = {arm.name: arm for arm in arms}
    if len(by_name) < len(arms):
        raise UsageError(f"{safe(str(path))}: two arms have the same name")
    if not arms:
        raise UsageError(f"{safe(str(path))}: no [[arm]]")
    for arm in arms:
        for key, other in (("like", arm.like), ("against", arm.against)):
            if other and other not in by_name:
                known = choices(by_name, last="and")
                raise UsageError(
                    f"{safe(str(path))}: arm {safe(arm.name)}: {key}: no arm {safe(other)}; there are {known}"
                )
        if arm.like and not by_name[arm.like].method:
            raise UsageError(f"{safe(str(path))}: arm {safe(arm.name)}: like: {safe(arm.like)} has no method")


def _flat(values: Mapping[str, Any], prefix: str = "") -> Values:
    flat: Values = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def _sets(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        yield "--set"
        yield f"{key}={value if isinstance(value, str) else json.dumps(value)}"
