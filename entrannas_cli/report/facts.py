"""What a report says of each run in addition to its results: where and with what it ran, how to reproduce it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..common.files import BrokenRun, read_text
from ..common.text import safe
from ..results.columns import MISSING, cell_text, scalar
from ..store.overview import Overview
from ..store.run import CONFIG_FILE, GENOTYPE_FILE, Run

__all__ = ["Attempt", "FactTable", "attempts_of", "commands_of", "configuration_text", "fact_table"]

MAX_ATTEMPTS = 20  # per run, the last ones
MAX_CHARS = 40_000  # characters of a configuration
_PER_ATTEMPT = {"time", "command", "folder"}  # differ between any two attempts: listed with the commands


@dataclass(frozen=True)
class Attempt:
    """Where an attempt ran: facts by dotted name, its command line, and the folder in which it was started."""

    number: int
    facts: Mapping[str, str]
    command: str
    folder: str


def attempts_of(run: Overview) -> tuple[list[Attempt], list[str]]:
    """Return (the attempts of ``run``, a line for each unreadable file)."""
    last = run.status.attempt
    attempts, problems = [], []
    for number in range(max(1, last - MAX_ATTEMPTS + 1), last + 1):
        try:
            values = Run(run.path).environment(number)
        except BrokenRun as error:
            problems.append(safe(error.reason))
            continue
        folder = values.get("folder")
        attempts.append(
            Attempt(
                number,
                {name: text for name, text in _flat(values, "").items() if name not in _PER_ATTEMPT},
                _command(values.get("command")),
                safe(folder) if isinstance(folder, str) else "",
            )
        )
    return attempts, problems


def _flat(values: Mapping[str, Any], prefix: str) -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in values.items():
        name = f"{prefix}{safe(key)}"
        if isinstance(value, dict):
            flat |= _flat(value, f"{name}.")
        elif (text := scalar(value)) is not None:
            flat[name] = safe(cell_text(text), limit=200)
    return flat


def _command(words: object) -> str:
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        return ""
    return safe(shlex.join(words))


@dataclass(frozen=True)
class FactTable:
    """Facts of several runs: those that all share, and for the others (``keys``) a row of values per run."""

    shared: Mapping[str, str]
    keys: Sequence[str]
    rows: Sequence[Sequence[str]]


def fact_table(facts: Sequence[Mapping[str, str]]) -> FactTable:
    """Split ``facts`` into what all runs share and what differs; a fact that one run lacks differs."""
    keys = list(dict.fromkeys(key for run_facts in facts for key in run_facts))
    shared = {key: facts[0][key] for key in keys if len({run_facts.get(key) for run_facts in facts}) == 1}
    differing = [key for key in keys if key not in shared]
    return FactTable(
        shared, differing, [[run_facts.get(key, MISSING) for key in differing] for run_facts in facts]
    )


def configuration_text(run: Overview) -> str:
    """Return the text of the run's configuration file: control characters escaped, truncated if very long."""
    try:
        text = read_text(run.path / CONFIG_FILE)
    except BrokenRun as error:
        return f"# {safe(error.reason)}"
    if len(text) > MAX_CHARS:
        text = f"{text[:MAX_CHARS]}\n# … truncated: {len(text)} characters in total"
    return "\n".join(map(safe, text.splitlines()))


def commands_of(run: Overview, attempts: Sequence[Attempt]) -> list[tuple[str, str]]:
    """Return (purpose, command) pairs that reproduce the run: its code, its command line, its configuration."""
    commands = []
    for attempt in attempts[:1]:
        commit = attempt.facts.get("git", "")
        if commit:
            changed = " (without its uncommitted changes)" * commit.endswith("-dirty")
            commands.append((f"check out its code{changed}", f"git checkout {commit.removesuffix('-dirty')}"))
        if attempt.command:
            commands.append(("run the original command", attempt.command))
    config, genotype = (shlex.quote(str(run.path / name)) for name in (CONFIG_FILE, GENOTYPE_FILE))
    again = {
        "search": f"entrannas search --config {config}",
        "train": f"entrannas train {genotype} --config {config}",
    }
    if run.status.kind in again:
        commands.append(("or run from its configuration", safe(again[run.status.kind])))
    return commands
