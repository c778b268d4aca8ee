"""How the cost of a search scales: ``python benchmarks/scaling.py STUDY [--repeats N] [--json FILE]``.

STUDY is one of

sizes     time, memory and multiply-adds per step against batch, channels, cells, nodes and operations, one varied
          at a time around 8 cells, 16 channels, batch 64, the standard space;
sparsity  a whole search by sparsification at the paper's size in few steps (--steps, with a higher learning rate
          of α): time per step against sparsity, next to a top-2 search and, with --darts CHECKOUT, DARTS;
overhead  time for a step's rows and for a checkpoint at the paper's size, relative to the steps.

Subjects that are compared take their steps in turn, each in a separate process.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from entrannas_cli.bench.case import Case  # noqa: E402
from entrannas_cli.bench.measure import Start, measure  # noqa: E402
from entrannas_cli.bench.remote import Remote  # noqa: E402
from entrannas_cli.bench.report import append_records, records  # noqa: E402
from entrannas_cli.bench.spread import median_ratio  # noqa: E402
from entrannas_cli.bench.subject_process import COMMAND  # noqa: E402
from entrannas_cli.spaces.files import load_space, space_to_toml  # noqa: E402

BASE = {"search.batch_size": 64, "network.channels": 16, "network.cells": 8}
METHODS = ("entrannas", "entrannas-dst")
AXES: dict[str, tuple[str, Sequence[int]]] = {
    "batch": ("search.batch_size", (16, 32, 64, 128)),
    "channels": ("network.channels", (8, 16, 32)),
    "cells": ("network.cells", (5, 8, 14)),
}
NODES = (3, 4, 5)
OPERATIONS = (4, 7, 12)  # part of the standard space, all of it, and the extended one
MOVED = 6e-4 * 4900  # how far α moves in the paper's search: learning rate x steps
BATCHES_AN_EPOCH = 4  # in the measured search
BINS = 5


def start(case: Case, name: str | None = None) -> Start:
    """Return a function that starts the process of ``case``."""
    return partial(Remote, name or case.name, COMMAND, {"case": case.as_dict()})


def case(method: str, settings: dict[str, Any], overrides: Sequence[str] = ()) -> Case:
    """Return a case: a search with preset ``paper`` and these settings."""
    return Case(kind="search", variant=method, preset="paper", settings=settings, overrides=overrides)


def rates(of: Case) -> Start:
    """Return a function that starts measuring the device."""
    return partial(Remote, "the device", COMMAND, {"case": of.as_dict(), "rates": True})


def axes(folder: Path) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Return axis → (value, settings) of each point."""
    made = {
        axis: [(str(value), {**BASE, key: value}) for value in values] for axis, (key, values) in AXES.items()
    }

    def spaces(axis: str, values: Sequence[int]) -> list[tuple[str, dict[str, Any]]]:
        points = []
        for value in values:
            space = load_space("extended" if axis == "operations" and value > 7 else "standard")
            changed = {"nodes": value} if axis == "nodes" else {"operations": space.operations[-value:]}
            path = folder / f"{axis}-{value}.toml"
            path.write_text(space_to_toml(replace(space, name=f"{axis}-{value}", **changed)))
            points.append((str(value), {**BASE, "space": str(path)}))
        return points

    return made | {"nodes": spaces("nodes", NODES), "operations": spaces("operations", OPERATIONS)}


def sizes(args: argparse.Namespace) -> None:
    """Measure one axis after the other, with its points in turn."""
    print(f"{'':14}{'':>8}{'method':>16}{'ms':>9}{'/ first':>9}{'MB':>8}{'G mult.-adds':>14}")
    with tempfile.TemporaryDirectory() as folder:
        for axis, points in axes(Path(folder)).items():
            subjects = [
                (value, case(method, settings, args.set)) for method in METHODS for value, settings in points
            ]
            starts = [start(subject, f"{subject.variant}, {axis} {value}") for value, subject in subjects]
            *found, device = measure([*starts, rates(subjects[0][1])], warmup=1, rounds=args.repeats, steps=1)
            save(args.json, f"scaling-{axis}", found, device)
            for n, ((value, subject), measured) in enumerate(zip(subjects, found, strict=True)):
                first = found[n - n % len(points)]
                work = measured.facts["work"]
                print(
                    f"{axis:14}{value:>8}{subject.variant:>16}{1000 * statistics.median(measured.seconds):>9,.0f}"
                    f"{median_ratio(measured.seconds, first.seconds):>9.2f}"
                    f"{measured.facts['peak_memory_bytes'] / 1e6:>8,.0f}"
                    f"{(work['forward'] + work['backward']) / 1e9:>14.1f}",
                    flush=True,
                )


def sparsity(args: argparse.Namespace) -> None:
    """Measure a whole search, in rounds of two steps of each subject (one timed as a whole, one by parts)."""
    rounds = max((args.steps - 1) // 2, 1)  # the first step warms up
    epochs = max(args.steps // BATCHES_AN_EPOCH, 1)
    schedule = [f"search.epochs={epochs}", f"architecture.learning_rate={MOVED / args.steps:.6f}"]
    searched = case("entrannas-dst", BASE, [*args.set, *schedule])
    starts = [start(searched, "entrannas-dst, whole search"), start(case("entrannas", BASE, args.set))]
    if args.darts:
        peer = {
            "checkout": str(args.darts.resolve()),
            "which": "darts",
            "batch": BASE["search.batch_size"],
            "channels_last": False,
        }
        peers = str(Path(__file__).with_name("peers.py"))
        starts.append(partial(Remote, "DARTS, as shipped", (peers, "--serve"), peer))
    *found, device = measure([*starts, rates(searched)], warmup=1, rounds=rounds, steps=1)
    save(args.json, "scaling-sparsity", found, device)
    search, *others = found
    shares = [
        statistics.fmean((answer["sparsity_normal"], answer["sparsity_reduce"])) for answer in search.answers
    ]
    heading = "".join(f"{f'{other.name} / it':>26}" for other in others)
    print(f"{'steps':>12}{'sparsity':>10}{'ms':>9}{heading}")
    size = -(-rounds // BINS)
    for first in range(0, rounds, size):
        chunk = slice(first, first + size)
        ratios = "".join(
            f"{median_ratio(other.seconds[chunk], search.seconds[chunk]):>26.2f}" for other in others
        )
        print(
            f"{f'{2 * first + 2}-{2 * min(first + size, rounds) + 1}':>12}{statistics.fmean(shares[chunk]):>10.2f}"
            f"{1000 * statistics.median(search.seconds[chunk]):>9,.0f}{ratios}"
        )
    total = "".join(f"{sum(other.seconds) / sum(search.seconds):>26.2f}" for other in others)
    print(
        f"{'all':>12}{statistics.fmean(shares):>10.2f}{1000 * statistics.fmean(search.seconds):>9,.0f}{total}"
    )


def overhead(args: argparse.Namespace) -> None:
    """Measure rows and checkpoints relative to the time of an epoch's steps."""
    settings = {**BASE, "search.batch_size": args.batch_size}
    subjects = [case(method, settings, args.set) for method in METHODS]
    *found, device = measure(
        [*map(start, subjects), rates(subjects[0])], warmup=1, rounds=args.repeats, steps=1
    )
    save(args.json, "scaling-overhead", found, device)
    print(f"{'':16}{'step ms':>9}{'rows ms':>9}{'share':>9}{'checkpoint ms':>15}{'share of an epoch':>19}")
    for measured in found:
        step = statistics.median(measured.seconds)
        rows = statistics.median(measured.parts["recording"])
        written = measured.facts["checkpoint"]["seconds"]
        epoch = step * measured.facts["projection"]["steps_per_epoch"]
        print(
            f"{measured.name:16}{1000 * step:>9,.0f}{1000 * rows:>9.2f}{rows / step:>9.3%}"
            f"{1000 * written:>15.0f}{written / epoch:>19.3%}"
        )


def save(path: Path | None, kind: str, found: Sequence[Any], device: Any) -> None:
    """Append the records to the file, if there is one."""
    if path is not None:
        append_records(path, records(kind, found, device, steps=1))


def main() -> None:
    """Run the chosen study."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    studies = {"sizes": sizes, "sparsity": sparsity, "overhead": overhead}
    parser.add_argument("study", choices=studies)
    parser.add_argument("--repeats", type=int, default=3, help="rounds (3)")
    parser.add_argument("--steps", type=int, default=60, help="steps of the whole search, for sparsity (60)")
    parser.add_argument("--batch-size", type=int, default=256, help="batch size, for overhead (256)")
    parser.add_argument("--darts", type=Path, metavar="CHECKOUT", help="checkout of DARTS' repository")
    parser.add_argument("--set", action="append", default=[], help="settings, as in `entrannas search`")
    parser.add_argument("--json", type=Path, metavar="FILE", help="append the records to this file")
    args = parser.parse_args()
    studies[args.study](args)


if __name__ == "__main__":
    main()
