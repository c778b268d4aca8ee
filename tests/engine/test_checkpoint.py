"""Checkpoints: what is read is what was written, or the file is rejected."""

from __future__ import annotations

import io
import random
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

import entrannas_cli
from entrannas_cli.engine.checkpoint import (
    DamagedCheckpoint,
    read_checkpoint,
    restore_newest,
    write_checkpoint,
)
from entrannas_cli.render.views import PlainView
from entrannas_cli.store.run import CHECKPOINTS, Run, checkpoint_name

CONTENT = {
    "step": 7,
    "weights": {"a": torch.arange(300.0), "b": torch.ones(3, 5)},
    "text": "cells",
    "none": None,
}


def written(path: Path = Path("one.pt"), **changes: Any) -> Path:
    write_checkpoint(path, "search", CONTENT | changes)
    return path


def assert_content(content: dict[str, Any]) -> None:
    assert (content["step"], content["text"], content["none"]) == (7, "cells", None)
    for key, weight in CONTENT["weights"].items():  # type: ignore[attr-defined]
        assert torch.equal(content["weights"][key], weight)


def test_content_is_read_back() -> None:
    assert_content(read_checkpoint(written(), "search"))
    with pytest.raises(DamagedCheckpoint, match="not a checkpoint of a train"):
        read_checkpoint(written(), "train")
    torch.load("one.pt", weights_only=True)  # without this package
    assert zipfile.ZipFile("one.pt").testzip() is None


def test_every_changed_byte_is_noticed() -> None:
    """Also in headers and padding, which torch and zip don't check."""
    good = written().read_bytes()
    draw = random.Random(0)
    for position in [*draw.sample(range(len(good)), 300), *range(len(good) - 60, len(good))]:
        changed = bytearray(good)
        changed[position] ^= 1 << draw.randrange(8)
        Path("one.pt").write_bytes(changed)
        with pytest.raises(DamagedCheckpoint):
            read_checkpoint(Path("one.pt"), "search")


@pytest.mark.parametrize("size", [0, 1, 100, -1, -40, -1000])
def test_truncated_file_is_noticed(size: int) -> None:
    Path("one.pt").write_bytes(written().read_bytes()[:size])
    with pytest.raises(DamagedCheckpoint):
        read_checkpoint(Path("one.pt"), "search")


def test_checkpoint_without_a_digest_is_from_an_earlier_version() -> None:
    torch.save({"version": 2, "kind": "search", **CONTENT}, "old.pt")
    assert_content(read_checkpoint(Path("old.pt"), "search"))
    torch.save({"version": 3, "kind": "search", **CONTENT}, "stripped.pt")
    with pytest.raises(DamagedCheckpoint, match="digest"):
        read_checkpoint(Path("stripped.pt"), "search")


def test_compressed_file_is_not_inflated() -> None:
    buffer = io.BytesIO()
    torch.save({"version": 2, "kind": "search", "weights": torch.zeros(2**24)}, buffer)
    with zipfile.ZipFile(buffer) as stored, zipfile.ZipFile("bomb.pt", "w", zipfile.ZIP_DEFLATED) as small:
        for entry in stored.infolist():
            small.writestr(entry.filename, stored.read(entry))
    assert Path("bomb.pt").stat().st_size < 2**20
    with pytest.raises(DamagedCheckpoint) as caught:
        read_checkpoint(Path("bomb.pt"), "search")
    assert "claims to hold more than its size" in str(caught.value.__cause__)


def test_newest_usable_checkpoint_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """Damaged ones and those that don't fit are set aside, with a warning each."""
    run = Run(Path("runs/one"))
    folder = run.path / CHECKPOINTS
    folder.mkdir(parents=True)
    for step in (1, 2, 3):
        written(folder / checkpoint_name(step), step=step)
    write_checkpoint(folder / checkpoint_name(2), "search", {"weights": {}})
    (folder / checkpoint_name(3)).write_bytes(b"damaged")
    assert restore_newest(run, "search", PlainView(sys.stderr), lambda content: content["step"]) == 1
    assert sorted(path.name for path in folder.iterdir()) == [
        *("step-00000001.pt", "step-00000002.damaged", "step-00000003.damaged"),
    ]
    damaged, unfitting = capsys.readouterr().err.splitlines()
    assert "not a checkpoint" in damaged
    assert damaged.endswith("set aside as step-00000003.damaged")
    assert "doesn't fit the run: KeyError: 'step'" in unfitting


def test_every_load_is_of_weights_only() -> None:
    """Anything else could run code from a file; exported modules are checked too, as they are text here."""
    for path in Path(entrannas_cli.__file__).parent.rglob("*.py"):
        calls = re.findall(r"torch\.load\((?!\.\.\.).*", path.read_text())
        assert all("weights_only=True" in call for call in calls), path
        assert "import pickle" not in path.read_text(), path


def test_lack_of_memory_is_no_damage() -> None:
    run = Run(Path("runs/one"))
    (run.path / CHECKPOINTS).mkdir(parents=True)
    path = written(run.path / CHECKPOINTS / checkpoint_name(1))

    def restore(_: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    with pytest.raises(RuntimeError, match="allocate"):
        restore_newest(run, "search", PlainView(sys.stderr), restore)
    assert path.exists()
