"""Rows as a search writes them; as a program, feed them to a view on stderr."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

from entrannas_cli.engine.observer import Observer, Started
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.method.operations import operation_names
from entrannas_cli.method.space import SearchSpace

SPACE = SearchSpace(name="standard", operations=operation_names()[:7])
STEPS_PER_EPOCH = 6
ID = "20261124-101500-standard-entrannas-dst-s0"
WARNING = "node 5 of the normal cell keeps only parameter-free operations: try another seed"


def started_facts(epochs: int = 5, **changes: Any) -> Started:
    known: dict[str, Any] = {
        "id": ID,
        "path": f"runs/{ID}",
        "what": ("entrannas-dst", "standard space", "digits", "CPU (2 threads)"),
        "epochs": epochs,
        "steps_per_epoch": STEPS_PER_EPOCH,
    }
    return Started(**(known | changes))


def step_row(step: int, steps: int) -> dict[str, Any]:
    done = step / steps
    return {
        "kind": "step",
        "step": step,
        "epoch": -(-step // STEPS_PER_EPOCH),
        "weight_loss": 2.3 * math.exp(-2 * done),
        "architecture_loss": 2.4 * math.exp(-2 * done),
        "accuracy": 0.1 + 0.8 * done,
        "temperature": 0.1**done,
        "sparsity_normal": 0.9 * done,
        "sparsity_reduce": 0.8 * done,
        "images_per_second": 1234.5,
        "memory_mb": 800.0,
    }


def epoch_row(step: int, steps: int) -> dict[str, Any]:
    evaluated = {"supernet_accuracy": 0.602, "derived_accuracy": 0.588, "gap": 0.014}
    times = {"seconds": 12.3, "evaluation_seconds": 0.0}
    return {**step_row(step, steps), "kind": "epoch", **evaluated, **times}


def cells(connections: int) -> Genotype:
    """Return cells with the first ``connections`` of every node."""
    nodes = [
        [Connection(source, operation) for source in range(target) for operation in SPACE.operations][
            :connections
        ]
        for target in SPACE.intermediate
    ]
    cell = CellGraph(tuple(map(tuple, nodes)))
    return Genotype(cell, cell)


def feed(view: Observer, epochs: int, delay: float = 0.0, ending: str = "completed") -> None:
    """Feed a whole search to ``view``; ``ending`` "failed" aborts it half way."""
    steps = epochs * STEPS_PER_EPOCH
    view.started(started_facts(epochs, steps_per_epoch=STEPS_PER_EPOCH if epochs else 0))
    for step in range(1, steps + 1):
        view.step(step_row(step, steps))
        view.derived(step, cells(max(14 - step, 2)))
        if step % STEPS_PER_EPOCH == 0:
            view.epoch(epoch_row(step, steps))
        if step == 3:
            view.message("warning", WARNING)
            print("a stray line on stderr", file=sys.stderr)
        if step == steps // 2 and ending == "failed":
            raise RuntimeError("the loss is not finite")
        time.sleep(delay)
    view.finished({"state": ending})


def main() -> None:
    from entrannas_cli.render.views import make_view

    epochs, delay, ending = sys.argv[1:]
    try:
        with make_view() as view:
            view.message("info", "preset quick, because there is no GPU")
            feed(view, int(epochs), float(delay), ending)
    except RuntimeError as error:
        sys.exit(f"failed: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")


if __name__ == "__main__":
    main()
