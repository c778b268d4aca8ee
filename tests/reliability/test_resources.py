"""Runs with little memory, few open files, and unusual images.

Elsewhere: dead data workers and broken images in tests/data/test_streams.py, the layout of image folders in
tests/data/test_folder.py, memory estimates and `--batch-size auto` in tests/search/test_memory.py.
"""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from PIL import Image

from ..search.runs import (
    SMALL,
    assert_same_search,
    in_process,
    only_run,
    start,
    steps_of,
    uninterrupted_search,
    wait_for,
    write_space,
)


def test_search_with_few_open_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    write_space(Path.cwd())
    process = start("search", *SMALL, "--quiet")
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (64, 64))
    errors = process.end()
    assert process.returncode == 0, errors
    assert_same_search(uninterrupted_search(tmp_path_factory), only_run())


def test_search_out_of_memory_can_be_resumed(tmp_path_factory: pytest.TempPathFactory) -> None:
    write_space(Path.cwd())
    process = start("search", *SMALL, "--quiet", "--set", "checkpoint.minutes=0")
    run = only_run()
    wait_for(lambda: steps_of(run) >= 3, "step 3")
    used = int(Path(f"/proc/{process.pid}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(process.pid, resource.RLIMIT_AS, (used, used))  # as `ulimit -v`
    errors = process.end()
    assert process.returncode == 1, errors
    first, *rest = errors.splitlines()
    assert first.startswith("entrannas: out of memory: "), errors
    assert all(line.startswith("  ") for line in rest)
    assert "out of memory" in run.status().reason
    in_process("resume", run.id, "--quiet")
    assert_same_search(uninterrupted_search(tmp_path_factory), run)


@pytest.mark.parametrize(("side", "mode"), [(1, "L"), (1, "RGB"), (3, "L"), (2, "1")])
def test_tiny_and_grey_images(side: int, mode: str) -> None:
    for part, count in (("train", 20), ("test", 4)):
        for shade, name in enumerate("ab"):
            folder = Path("images", part, name)
            folder.mkdir(parents=True)
            for number in range(count):
                Image.new(mode, (side, side), shade).save(folder / f"{number}.png")
    data = ("--dataset", "folder", "--data", "images", "--set", "data.crop_padding=0", "--quiet")
    size = ("--preset", "quick", "--epochs", "1", "--batch-size", "4")
    in_process("search", *data, *size, "--set", "network.cells=3", "--set", "network.channels=4")
    in_process("train", "latest", *data, *size, "--cells", "3", "--channels", "4")
    error = in_process("train", "latest", *data[:4], *size, "--set", "data.crop_padding=1", check=False)
    assert error.returncode == (2 if side == 1 else 0), error.stderr
