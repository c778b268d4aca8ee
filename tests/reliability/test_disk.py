"""Runs stop cleanly when the disk fails, and resume; `python -m tests.reliability.disk` tries all faults."""

from __future__ import annotations

import pytest

from .disk import MOUNTED_FAULTS, disk_fault, make_undisturbed, may_mount

FAULTS = {
    "search": ("EIO metrics.jsonl", "EDQUOT summary.json"),
    "train": ("EIO checkpoints/best.pt",),
}


@pytest.mark.parametrize("kind", list(FAULTS))
def test_run_survives_a_failing_disk(kind: str) -> None:
    make_undisturbed(kind)
    for fault in FAULTS[kind]:
        disk_fault(kind, fault)


@pytest.mark.skipif(not may_mount(), reason="needs the right to mount a tmpfs")
def test_run_survives_a_failing_file_system() -> None:
    make_undisturbed("search")
    for fault in MOUNTED_FAULTS:
        assert disk_fault("search", fault).startswith("entrannas: ")
