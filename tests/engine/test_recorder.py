"""Rows are written when their values have arrived: nobody waits for a device that is still computing."""

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


class Late(PendingCopy):
    """A copy that arrives when the test says so; ``waited`` counts who couldn't wait for that."""

    waited = 0
    there = False

    def __init__(self, values: Tensor) -> None:
        self._values = values.tolist()  # as they are now, whatever comes next

    def arrived(self) -> bool:
        return Late.there

    def rows(self) -> list[list[float]]:
        Late.waited += not Late.there
        return self._values


class Written:
    """Stands for session and observer: remembers the rows."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def write_step(self, row: dict[str, Any]) -> None:
        self.rows.append(row)

    def step(self, row: dict[str, Any]) -> None:
        assert row == {"kind": "step", **self.rows[-1]}


def recording(written: Written, progress: LoopProgress) -> StepRecorder:
    compute = Compute(CPU, "float32", torch.channels_last, 1)
    keywords: dict[str, Any] = {"averaged": ("loss",), "finite": {"loss": "the loss"}}
    return StepRecorder(written, written, progress, compute, **keywords)  # type: ignore[arg-type]


def add(recorder: StepRecorder, step: int, loss: float | Tensor) -> None:
    values = torch.as_tensor(loss, dtype=torch.float32).reshape(1).clone()
    recorder.add({"step": step}, values, lambda numbers: {"loss": numbers[0]}, images=4)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> type[Late]:
    monkeypatch.setattr(recorder_module, "copy_out", Late)
    Late.waited, Late.there = 0, False
    return Late


def test_on_a_cpu_each_row_is_written_at_once() -> None:
    written, progress = Written(), LoopProgress()
    recorder = recording(written, progress)
    for step in range(3):
        add(recorder, step, float(step))
        assert [row["loss"] for row in written.rows] == [0.0, 1.0, 2.0][: step + 1]
    assert progress.step_seconds > 0


def test_rows_wait_for_their_values_and_nobody_else_does(late: type[Late]) -> None:
    written, progress = Written(), LoopProgress()
    recorder = recording(written, progress)
    for step in range(4):
        add(recorder, step, float(step))
    assert written.rows == []
    late.there = True
    add(recorder, 4, 4.0)
    assert [row["step"] for row in written.rows] == [
        0
    ]  # what was copied; the others leave with the next copy
    late.there = False
    add(recorder, 5, 5.0)
    assert late.waited == 0
    recorder.flush()  # the end of an epoch: now it is waited for
    assert [row["loss"] for row in written.rows] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert recorder.epoch_means()["loss"] == 2.5
    recorder.flush()
    assert len(written.rows) == 6


def test_what_is_not_finite_is_noticed_when_it_arrives(late: type[Late]) -> None:
    written = Written()
    recorder = recording(written, LoopProgress())
    add(recorder, 1, float("nan"))
    add(recorder, 2, 1.0)
    late.there = True
    with pytest.raises(NotFinite, match="step 1: the loss is not finite"):
        add(recorder, 3, 1.0)
    assert [row["step"] for row in written.rows] == [1]


def test_a_copy_from_the_cpu_is_there() -> None:
    copy = copy_out(torch.tensor([[1.0, 2.0]]))
    assert isinstance(copy, DeferredCopy)
    assert copy.arrived()
    assert copy.rows() == [[1.0, 2.0]]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_copy_from_cuda_waits_for_nothing() -> None:
    values = torch.arange(6.0, device="cuda").view(2, 3)
    torch.cuda.set_sync_debug_mode("error")
    try:
        copy = copy_out(values)
        values.zero_()  # comes after the copy
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert copy.rows() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert copy.arrived()
