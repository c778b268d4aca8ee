"""Isolate every test from the user's own settings, and configure pytest and hypothesis."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from .commands import Call, command_runner
from .isolation import isolate

# marked `fast`: the tests of logic and of the method's equations, which start no process and draw no screen
FAST = (
    *("charts", "common", "config", "data", "monitor", "results", "spaces", "store"),
    *("method/test_architecture.py", "method/test_bilevel.py", "method/test_genotype.py"),
    *("method/test_method_properties.py", "method/test_network.py"),
)

# networks here are tiny: more threads only wait for each other, and test processes already use every core
os.environ.setdefault("OMP_NUM_THREADS", "1")

# no deadlines, as machines are noisy; on CI always the same examples, so that a red build is reproducible
settings.register_profile("entrannas", deadline=None, max_examples=40, derandomize=bool(os.environ.get("CI")))
# a mutant only has to be noticed, so examples are not shrunk (docs/testing.md)
phases = (Phase.explicit, Phase.generate)
settings.register_profile("mutation", deadline=None, max_examples=10, derandomize=True, phases=phases)
settings.load_profile("entrannas")

# import once what tests import as they run, not in each process that mutmut forks
if "MUTANT_UNDER_TEST" in os.environ:
    import torch._dynamo  # noqa: F401

# collecting garbage among the objects of torch and pandas takes 0.2 s each time: do it less often
gc.set_threshold(20_000, 20, 20)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--snapshot-update", action="store_true", help="keep the pictures of the screens as they are now"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import the other tests for `-m fast`."""
    is_other = collection_path.suffix == ".py" and not _is_fast(collection_path)
    return True if is_other and config.option.markexpr == "fast" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_fast(item.path):
            item.add_marker("fast")


def _is_fast(path: Path) -> bool:
    return path.relative_to(Path(__file__).parent).as_posix().startswith(FAST)


@pytest.hookimpl(optionalhook=True)  # xdist is optional
def pytest_xdist_auto_num_workers() -> int:
    """Return 1.5 workers per processor: the dashboard tests wait as much as they work."""
    affinity = getattr(os, "sched_getaffinity", None)  # missing on some systems
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, processors * 3 // 2)


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch, tmp_path)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command in this process."""
    return command_runner(capsys)
