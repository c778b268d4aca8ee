"""Our search step compared with those of DARTS, PC-DARTS and ISTA-NAS.

    python benchmarks/peers.py --darts CHECKOUT --pc-darts CHECKOUT --ista-nas CHECKOUT [--repeats N] [--json FILE]

Runs the published code from checkouts of the authors' repositories; omit an option to skip that method. A step is
one architecture step plus one weight step, first-order, on images of CIFAR's shape: 8 cells, 16 channels, batch 64.
Each subject is a separate process (their module names clash); all take one step in turn, in rounds. Theirs run as
shipped and with channels_last (DARTS peaks at 9 GB in each: see --layout). Ours are a top-2 search whose
Transit-cells run DARTS_V2, a search by sparsification at its dense start, and one that has pruned 80 % of its
connections.

The child process patches what current libraries or this machine lack: `.cuda()` does nothing without a GPU, and
scikit-learn replaces ISTA-NAS' commercial LASSO solver, which chooses the sub-graph before the steps.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import types
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from entrannas_cli.bench.case import Case  # noqa: E402
from entrannas_cli.bench.measure import Measured, measure  # noqa: E402
from entrannas_cli.bench.remote import Remote, serve  # noqa: E402
from entrannas_cli.bench.report import append_records, records  # noqa: E402
from entrannas_cli.bench.spread import median_ratio  # noqa: E402
from entrannas_cli.bench.subject_process import COMMAND  # noqa: E402

PEERS = {"darts": "DARTS", "pc-darts": "PC-DARTS", "ista-nas": "ISTA-NAS"}
CHANNELS, CLASSES, CELLS = 16, 10, 8
SPARSITY = 0.8
LAYOUTS = {"both": (False, True), "shipped": (False,), "channels_last": (True,)}
# from the peers' train_search.py; these values don't affect the time per step
RECIPE = types.SimpleNamespace(
    learning_rate=0.025,
    learning_rate_min=0.001,
    momentum=0.9,
    weight_decay=3e-4,
    arch_learning_rate=3e-4,
    arch_weight_decay=1e-3,
    grad_clip=5.0,
    report_freq=50,
    epochs=50,
    init_channels=CHANNELS,
    num_classes=CLASSES,
    layers=CELLS,
    proj_dims=7,
)


class PeerSubject:
    """A peer's step, with its own network, architecture step and weight step."""

    def __init__(self, checkout: Path, which: str, batch: int, channels_last: bool) -> None:
        import torch

        from entrannas_cli.bench.parts import Clock

        _shim(torch)
        torch.manual_seed(0)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.clock = Clock(device)
        parts = _ista_nas(checkout) if which == "ista-nas" else _darts(checkout, which)
        self.model, self.optimizer, self.architecture_step, self.cells, self.memory = parts
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.model.to(memory_format=layout)
        self.model.train()
        self.batches = [
            (
                torch.randn(batch, 3, 32, 32, device=device).contiguous(memory_format=layout),
                torch.randint(CLASSES, (batch,), device=device),
            )
            for _ in range(2)
        ]
        self.device = device

    def answer(self, question: str, count: int) -> dict[str, Any]:
        """Answer a question, see `entrannas_cli.bench.remote.Subject`."""
        from entrannas_cli.bench.stepping import peak_bytes

        if question == "facts":
            return {
                "peak_memory_bytes": peak_bytes(self.memory, self.device),
                "images_per_step": 2 * len(self.batches[0][1]),
                "cells": self.cells,
            }
        parts = [self.clock.measure(self._step, "rest") for _ in range(count)]
        return {
            "seconds": statistics.fmean(sum(seconds.values()) for seconds in parts),
            "parts": {part: statistics.fmean(seconds[part] for seconds in parts) for part in parts[0]},
        }

    def _step(self) -> None:
        import torch
        from torch import nn
        from torch.nn import functional as F

        (images, labels), (held_out, held_out_labels) = self.batches
        self.clock.timed("architecture step", self.architecture_step)(
            images, labels, held_out, held_out_labels, self.optimizer
        )

        def weight_step() -> None:
            self.optimizer.zero_grad()
            logits = self.model(images)
            loss = F.cross_entropy(logits, labels)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), RECIPE.grad_clip)
            self.optimizer.step()
            torch.stack([loss.detach(), (logits.argmax(1) == labels).float().mean()]).tolist()

        self.clock.timed("weight step", weight_step)()


def _shim(torch: Any) -> None:
    """Patch what the peers expect but this machine or torch lacks."""
    if not torch.cuda.is_available():
        for owner in (torch.Tensor, torch.nn.Module):
            owner.cuda = lambda self, *_, **__: self


def _darts(checkout: Path, which: str) -> tuple[Any, ...]:
    """Return (network, weight optimiser, architecture step, cells, memory since the imports)."""
    sys.path.insert(0, str(checkout / "cnn" if which == "darts" else checkout))
    import torch
    from architect import Architect  # type: ignore[import-not-found]
    from model_search import Network  # type: ignore[import-not-found]

    from entrannas_cli.bench.memory import PeakMemory

    memory = PeakMemory()
    model = Network(CHANNELS, CLASSES, CELLS, torch.nn.CrossEntropyLoss()).cuda()
    architect = Architect(model, RECIPE)

    def step(images: Any, labels: Any, held_out: Any, held_out_labels: Any, optimizer: Any) -> None:
        architect.step(
            images, labels, held_out, held_out_labels, RECIPE.learning_rate, optimizer, unrolled=False
        )

    return model, _sgd(model.parameters()), step, "all operations", memory


def _ista_nas(checkout: Path) -> tuple[Any, ...]:
    """Return the same as :func:`_darts`, with the sub-graph that its own sampling gives for its own seed."""
    sys.path.insert(0, str(checkout))
    sys.modules["cvxpy"] = types.ModuleType("cvxpy")
    import ista_nas.trainer as theirs  # type: ignore[import-not-found]
    import numpy as np
    import torch
    from sklearn.linear_model import Lasso

    from entrannas_cli.bench.memory import PeakMemory

    def solve(problem: Any, b: Any) -> Any:
        lasso = Lasso(alpha=1e-5 / len(b), fit_intercept=False, max_iter=100_000)
        return lasso.fit(problem.A, b).coef_

    theirs.LASSO.solve = solve
    # fails with current numpy, and only prints
    sys.modules["ista_nas.search.inner_trainer"].count_parameters_in_MB = lambda _: 0.0  # type: ignore[attr-defined]
    memory = PeakMemory()
    np.random.seed(2)
    torch.manual_seed(2)
    inner = theirs.InnerTrainer(RECIPE)
    model, outer = inner.model, inner.outer_trainer
    trainer = theirs.Trainer.__new__(theirs.Trainer)  # its __init__ downloads CIFAR-10
    trainer.steps, trainer.sparseness, trainer.num_ops = 4, 2, len(theirs.PRIMITIVES)
    projections, biases, chosen = [], [], []
    for encoded in (model.alphas_normal_, model.alphas_reduce_):
        bases = [
            torch.from_numpy(np.random.rand(RECIPE.proj_dims, (node + 2) * trainer.num_ops))
            for node in range(trainer.steps)
        ]
        found = trainer.do_recovery(bases, encoded.detach().cpu().numpy())
        projection, bias = trainer.sample_and_proj(bases, found)
        projections.append(projection)
        biases.append(bias)
        names = [
            f"{theirs.PRIMITIVES[place % trainer.num_ops]} {place // trainer.num_ops}"
            for x in found
            for place in sorted(np.abs(x).argsort()[-trainer.sparseness :])
        ]
        chosen.append(", ".join(names))
    model.init_proj_mat(*projections)
    model.init_bias(*biases)

    def step(images: Any, labels: Any, held_out: Any, held_out_labels: Any, optimizer: Any) -> None:
        outer.step(held_out, held_out_labels)

    return model, inner.optimizer, step, " | ".join(chosen), memory


def _sgd(weights: Iterator[Any]) -> Any:
    import torch

    return torch.optim.SGD(
        weights, RECIPE.learning_rate, momentum=RECIPE.momentum, weight_decay=RECIPE.weight_decay
    )


@contextmanager
def _open_peer(specification: dict[str, Any]) -> Generator[PeerSubject]:
    yield PeerSubject(
        Path(specification["checkout"]),
        specification["which"],
        specification["batch"],
        specification["channels_last"],
    )


def ours(batch: int, overrides: list[str]) -> list[Case]:
    """Return our own cases."""
    settings = {
        "search.batch_size": batch,
        "network.channels": CHANNELS,
        "network.cells": CELLS,
    }
    return [
        Case(
            kind="search",
            variant=method,
            preset="paper",
            settings=settings,
            overrides=overrides,
            sparsity=sparsity,
        )
        for method, sparsity in (("entrannas", None), ("entrannas-dst", None), ("entrannas-dst", SPARSITY))
    ]


def main() -> None:
    """Measure all subjects and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for option, name in PEERS.items():
        parser.add_argument(
            f"--{option}", type=Path, metavar="CHECKOUT", help=f"checkout of {name}'s repository"
        )
    parser.add_argument("--repeats", type=int, default=5, help="rounds (5)")
    parser.add_argument("--batch-size", type=int, default=64, help="batch size, images per step (64)")
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        default="both",
        help="memory layout of the peers; run them one by one if memory is short (both)",
    )
    parser.add_argument(
        "--set", action="append", default=[], help="settings of our searches, as in `entrannas search`"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="append the records to this file")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)  # a child process
    args = parser.parse_args()
    if args.serve:
        serve(_open_peer)
        return
    cases = ours(args.batch_size, args.set)
    starts = [partial(Remote, case.name, COMMAND, {"case": case.as_dict()}) for case in cases]
    for option, name in PEERS.items():
        checkout = getattr(args, option.replace("-", "_"))
        for channels_last in LAYOUTS[args.layout] if checkout else ():
            specification = {
                "checkout": str(checkout.resolve()),
                "which": option,
                "batch": args.batch_size,
                "channels_last": channels_last,
            }
            label = f"{name}, channels_last" if channels_last else f"{name}, as shipped"
            starts.append(partial(Remote, label, (__file__, "--serve"), specification))
    rates = partial(Remote, "the device", COMMAND, {"case": cases[0].as_dict(), "rates": True})
    tell = _report_each_round(len(starts) + 1)
    *found, device = measure([*starts, rates], warmup=1, rounds=args.repeats, steps=1, tell=tell)
    if args.json:
        append_records(args.json, records("peers", found, device, steps=1))
    print_table(found, device)


def _report_each_round(subjects: int) -> Any:
    def tell(text: str, done: int, total: int) -> None:
        if done % subjects == 0:
            print(f"{text}: {done} of {total}", file=sys.stderr)

    return tell


def print_table(found: list[Measured], device: Measured) -> None:
    """Print times and memory, and their ratios to ours."""
    own = [measured for measured in found if measured.name.startswith("entrannas")]
    print(json.dumps(device.facts))
    heading = "".join(f"{f'/ {measured.name}':>26}" for measured in own)
    print(f"{'':28}{'ms/step':>10}{'MB':>8}{heading}   (times, memory)")
    for measured in found:
        memory = measured.facts["peak_memory_bytes"]
        ratios = "".join(
            f"{median_ratio(measured.seconds, ours.seconds):>18.2f}{memory / ours.facts['peak_memory_bytes']:>8.2f}"
            for ours in own
        )
        step = 1000 * statistics.median(measured.seconds)
        print(f"{measured.name:28}{step:>10,.0f}{memory / 1e6:>8,.0f}{ratios}")


if __name__ == "__main__":
    main()
