"""Scoring trained weights, and recording where cells come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from entrannas_cli.common.errors import UsageError
from entrannas_cli.config.train import TrainConfig, TrainDataConfig
from entrannas_cli.data import placement
from entrannas_cli.data.datasets import open_dataset
from entrannas_cli.engine.device import resolve_compute
from entrannas_cli.engine.load_network import TrainedNetwork
from entrannas_cli.engine.train.create import prepare_training
from entrannas_cli.engine.train.score import score_part
from entrannas_cli.method.network import DerivedNetwork
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.create import create_run
from entrannas_cli.store.find_genotype import find_genotype
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession

from ..config.resolving import resolve_training


def network(classes: int = 10) -> TrainedNetwork:
    return TrainedNetwork(
        network=DerivedNetwork(
            PUBLISHED["DARTS_V2"], classes=classes, channels_in=1, channels=2, cells=3
        ).eval(),
        run=Run(Path("runs/none")),
        weights="last",
        step=1,
        shape=(1, 8, 8),
        classes=tuple(map(str, range(classes))),
        mean=(0.25,),
        std=(0.5,),
        identity={"seed": "0", "data.portion": "1.0", "data.validation_share": "0.1"},
    )


def test_test_part_is_scored_without_opening_the_training_part(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = []

    def opened(*arguments: Any, part: Any, **options: Any) -> Any:
        parts.append(part)
        return open_dataset(*arguments, part=part, **options)

    monkeypatch.setattr(placement, "open_dataset", opened)
    config = TrainConfig(data=TrainDataConfig(dataset="digits"))
    compute = resolve_compute(config.device)
    assert score_part(network(), config, "test", compute).images == 359
    assert parts == ["test"]
    assert score_part(network(), config, "validation", compute).images == 144
    assert parts == ["test", "train"]
    for part in ("test", "validation"):
        with pytest.raises(UsageError, match="differs in classes from the images"):
            score_part(network(classes=9), config, part, compute)


def test_cells_of_an_earlier_step_are_distinguished_from_the_last() -> None:
    runs = Path("runs")
    search = create_run(runs, space="standard", method="entrannas", seed=0)
    with RunSession(search) as session:
        session.begin_attempt(1)
        session.write_genotype(1, 1, PUBLISHED["DARTS_V2"])
        session.write_genotype(4, 2, PUBLISHED["PC_DARTS_cifar"])
        session.update_summary({"gap": 0.1, "sparsity_normal": 0.9, "search_seconds": 5.0})
        session.finish("completed")
    summaries = {
        point: prepare_training(
            find_genotype(f"{search.id}{point}", runs), resolve_training(), runs
        ).summary()
        for point in ("", "@2", "@last")
    }
    assert [summaries[point]["cells"] for point in summaries] == [search.id, f"{search.id}@2", search.id]
    assert summaries["@2"]["origin"] == f"run {search.id}, step 2"
    assert summaries["@2"]["search"]["search_seconds"] == 5
    assert not {"gap", "sparsity_normal"} & summaries["@2"]["search"].keys()  # those of the last cells
    assert summaries["@last"]["search"] == summaries[""]["search"]
    assert summaries[""]["search"]["gap"] == 0.1
