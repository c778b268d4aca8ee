"""Runs with chosen metrics, written by the real writers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from entrannas_cli.method.genotype import Genotype
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.create import create_run
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession

NOW = 1795515300.0  # 2026-11-24 10:15:00 UTC


def make_search(
    folder: Path,
    seed: int = 0,
    *,
    epochs: int = 3,
    per_epoch: int = 4,
    loss: float = 2.0,
    method: str = "entrannas-dst",
    name: str | None = None,
    config: str = "",
    environment: Mapping[str, Any] | None = None,
    genotype: Genotype | None = PUBLISHED["DARTS_V2"],
    state: str = "completed",
    **summary: Any,
) -> Run:
    """Create a search whose loss falls as ``loss``/step and whose sparsity rises to 90 %."""
    text = f'space = "standard"\nmethod = "{method}"\nseed = {seed}\n[data]\ndataset = "digits"\n{config}'
    run = create_run(
        folder,
        space="standard",
        method=method,
        seed=seed,
        name=name,
        now=NOW + 60 * seed,
        files={"config.toml": text},
    )
    steps = epochs * per_epoch
    with RunSession(run, epochs=epochs, steps=steps) as session:
        session.begin_attempt(1)
        session.write_environment(
            {"device": "cpu", "command": ["entrannas", "search"], **(environment or {})}
        )
        if genotype:
            session.write_genotype(1, 1, genotype)
        for step in range(1, steps + 1):
            epoch = (step - 1) // per_epoch + 1
            share = 0.9 * step / steps
            row = {"step": step, "epoch": epoch, "weight_loss": loss / step, "sparsity_normal": share}
            session.write_step(
                {**row, "sparsity_reduce": share / 3, "accuracy": 0.5, "thresholds_normal": [0.1, 0.3]}
            )
            if step % per_epoch == 0:
                means = {
                    "weight_loss": loss / epoch,
                    "connections_normal": [2, 3],
                    "connections_reduce": [1, 1],
                }
                session.write_epoch(
                    {"step": step, "epoch": epoch, **means, "gap": 0.05 * (2 - epoch), "entropy_normal": 0.4}
                )
        values = {
            "weight_loss": loss / max(steps, 1),
            "gap": 0.01 * (seed + 1),
            "sparsity_normal": 0.9,
            "sparsity_reduce": 0.3,
        }
        facts = {
            "space": "standard",
            "method": method,
            "seed": seed,
            "dataset": "digits",
            "search_seconds": 12.0,
        }
        session.update_summary({**facts, **values, **summary})
        session.finish(state)
    return run


def write_rows(folder: Path, rows: Sequence[Mapping[str, Any]], name: str = "20261124-101500-made") -> Run:
    """Create a run with exactly these metric rows."""
    path = folder / name
    path.mkdir(parents=True)
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Run(path)
