"""Rows are written once their values have arrived, without waiting for a device that is still computing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from entrannas_cli.engine import recorder as recorder_module
from entrannas_cli.engine.device import Compute
from entrannas_cli.engine.device_to_host import DeferredCopy, PendingCopy, copy_out
from entrannas_cli.engine.recorder import LoopProgress, NotFinite, StepRecorder

CPU = torch.device("cpu")


class LateCopy(PendingCopy):
    """A copy that arrives when the test says so; ``waited`` counts the calls that had to wait."""

    waited = 0
    there = False

    def __init__(self, values: Tensor) -> None:
        self._values = values.tolist()  # copied now, whatever happens to the tensor later

    def arrived(self) -> bool:
        return LateCopy.there

    def rows(self) -> list[list[float]]:
        LateCopy.waited += not LateCopy.there
        return self._values


class RowSink:
    """Stand-in for session and observer that stores the rows."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def write_step(self, row: dict[str, Any]) -> None:
        self.rows.append(row)

    def step(self, row: dict[str, Any]) -> None:
        assert row == {"kind": "step", **self.rows[-1]}


def make_recorder(written: RowSink, progress: LoopProgress) -> StepRecorder:
    compute = Compute(CPU, "float32", torch.channels_last, 1)
    keywords: dict[str, Any] = {"averaged": ("loss",), "finite": {"loss": "the loss"}}
    return StepRecorder(written, written, progress, compute, **keywords)  # type: ignore[arg-type]


def add(recorder: StepRecorder, step: int, loss: float | Tensor) -> None:
    values = torch.as_tensor(loss, dtype=torch.float32).reshape(1).clone()
    recorder.add({"step": step}, values, lambda numbers: {"loss": numbers[0]}, images=4)


@pytest.fixture
def late_copy(monkeypatch: pytest.MonkeyPatch) -> type[LateCopy]:
    monkeypatch.setattr(recorder_module, "copy_out", LateCopy)
    LateCopy.waited, LateCopy.there = 0, False
    return LateCopy


def test_rows_are_written_at_once_on_a_cpu() -> None:
    written, progress = RowSink(), LoopProgress()
    recorder = make_recorder(written, progress)
    for step in range(3):
        add(recorder, step, float(step))
        assert [row["loss"] for row in written.rows] == [0.0, 1.0, 2.0][: step + 1]
    assert progress.step_seconds > 0


def test_rows_wait_for_their_values_without_blocking(late_copy: type[LateCopy]) -> None:
    written, progress = RowSink(), LoopProgress()
    recorder = make_recorder(written, progress)
    for step in range(4):
        add(recorder, step, float(step))
    assert written.rows == []
    late_copy.there = True
    add(recorder, 4, 4.0)
    assert [row["step"] for row in written.rows] == [
        0
    ]  # these were copied; the others leave with the next copy
    late_copy.there = False
    add(recorder, 5, 5.0)
    assert late_copy.waited == 0
    recorder.flush()  # the end of an epoch does wait
    assert [row["loss"] for row in written.rows] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert recorder.epoch_means()["loss"] == 2.5
    recorder.flush()
    assert len(written.rows) == 6


def test_non_finite_values_are_noticed_on_arrival(late_copy: type[LateCopy]) -> None:
    written = RowSink()
    recorder = make_recorder(written, LoopProgress())
    add(recorder, 1, float("nan"))
    add(recorder, 2, 1.0)
    late_copy.there = True
    with pytest.raises(NotFinite, match="step 1: the loss is not finite"):
        add(recorder, 3, 1.0)
    assert [row["step"] for row in written.rows] == [1]


def test_copy_from_the_cpu_is_immediate() -> None:
    copy = copy_out(torch.tensor([[1.0, 2.0]]))
    assert isinstance(copy, DeferredCopy)
    assert copy.arrived()
    assert copy.rows() == [[1.0, 2.0]]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_copy_from_cuda_does_not_block() -> None:
    values = torch.arange(6.0, device="cuda").view(2, 3)
    torch.cuda.set_sync_debug_mode("error")
    try:
        copy = copy_out(values)
        values.zero_()  # queued after the copy
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert copy.rows() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert copy.arrived()
