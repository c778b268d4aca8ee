"""From command-line options to records. Loads torch only to resolve `--device auto`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from .case import Case, Kind, cases, search_config, train_config
from .measure import Tell, measure
from .remote import Remote
from .report import records
from .subject_process import COMMAND

__all__ = ["bench"]

CPU_BATCH = 64  # images: a round of the paper's 256 takes minutes on a CPU
CPU_STEPS, GPU_STEPS, DATA_STEPS = 1, 20, 10
CPU_WARMUP, GPU_WARMUP = 1, 10


def bench(
    kind: Kind,
    compare: Sequence[str],
    *,
    preset: str,
    settings: Mapping[str, Any],
    batch: tuple[str, int | None],
    device: str | None,
    steps: int | None,
    rounds: int,
    overrides: Sequence[str] = (),
    sparsity: float | None = None,
    tell: Tell = lambda *_: None,
) -> list[dict[str, Any]]:
    """Measure the subjects in ``compare`` side by side and return a record for each (see ``report``).

    ``settings`` are values by dotted key; ``batch`` is the key of the batch size and its value. ``steps`` are the
    timed steps per round. None for either means a value that suits the device. Raises ``UsageError`` for unknown or
    invalid values, ``RunFailed`` if a subject fails.
    """
    settings = dict(settings) | ({} if device is None else {"device.device": device})
    key, size = batch

    def make_cases(values: Mapping[str, Any]) -> list[Case]:
        return cases(kind, compare, preset=preset, settings=values, overrides=overrides, sparsity=sparsity)

    requested = settings if size is None else settings | {key: size}
    on_cpu = _device_type(make_cases(requested)[0]) == "cpu"
    if size is None and on_cpu and not any(text.startswith(key) for text in overrides):
        requested = settings | {key: CPU_BATCH}
    if steps is None:
        steps = DATA_STEPS if kind == "data" else CPU_STEPS if on_cpu else GPU_STEPS
    measured = make_cases(requested)
    starts = [partial(Remote, case.name, COMMAND, {"case": case.as_dict()}) for case in measured]
    rates = partial(Remote, "the device", COMMAND, {"case": measured[0].as_dict(), "rates": True})
    *results, device_rates = measure(
        [*starts, rates], warmup=CPU_WARMUP if on_cpu else GPU_WARMUP, rounds=rounds, steps=steps, tell=tell
    )
    return records(kind, results, device_rates, steps=steps)


def _device_type(case: Case) -> str:
    config = (train_config if case.kind == "train" else search_config)(case)[0]
    device = config.device.device
    if device == "auto":
        from ..engine.device import automatic_device

        return automatic_device()
    return device.partition(":")[0]
