"""Errors at run time become one line that suggests what to do."""

from __future__ import annotations

import pytest
import torch

from entrannas_cli.common.errors import RunFailed
from entrannas_cli.engine.torch_errors import translate_errors


def test_out_of_memory_suggests_a_fix() -> None:
    with pytest.raises(RunFailed, match=r"^out of memory: batch size 64: try 32$"):  # noqa: SIM117
        with translate_errors(out_of_memory="batch size 64: try 32"):
            torch.empty(2**60, dtype=torch.uint8)
    with pytest.raises(RunFailed, match="try 32"), translate_errors(out_of_memory="try 32"):
        bytearray(2**62)


def test_other_errors_pass_through() -> None:
    with pytest.raises(RuntimeError, match="shape"), translate_errors(out_of_memory=""):
        torch.ones(2, 3) @ torch.ones(2, 3)
