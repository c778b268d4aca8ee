"""Installed elsewhere, the wheel works, and so does an operation from another package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .search.runs import entrannas, in_process

ROOT = Path(__file__).parent.parent


def pip_install(source: Path, target: Path) -> dict[str, str]:
    """Install outside of this environment; return an environment in which the package is found."""
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"),
            *("--disable-pip-version-check", "--target", str(target), str(source)),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return os.environ | {"PYTHONPATH": str(target)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_contains_spaces_and_presets(wheel: Path, tmp_path: Path) -> None:
    environment = pip_install(wheel, tmp_path / "site")
    where = subprocess.run(
        [sys.executable, "-c", "import entrannas_cli; print(entrannas_cli.__file__)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(tmp_path / "site"))
    assert (tmp_path / "site" / "entrannas_cli" / "data" / "digits.npz").is_file()
    listed = json.loads(entrannas("spaces", "list", "--json", env=environment).stdout)
    assert {space["name"] for space in listed} == {"standard", "extended"}
    for name in ("quick", "paper", "imagenet"):
        data = ["--data", str(tmp_path)] if name == "imagenet" else []
        entrannas("search", "--preset", name, *data, "--print-config", env=environment)
    entrannas("search", "--method", "random", "--space", "extended", "--quiet", env=environment)
    assert not (tmp_path / "site" / "searchspaces").exists()  # not a top-level package


def test_documented_plugin_operation_installs_and_runs(tmp_path: Path) -> None:
    example = ROOT / "docs" / "examples" / "entrannas-squeeze"
    space = str(example / "squeeze.toml")
    without = in_process("spaces", "check", space, check=False)
    assert without.returncode == 2
    assert "squeeze_excite" in without.stderr

    environment = pip_install(example, tmp_path / "site")
    entrannas("spaces", "check", space, env=environment)
    assert "squeeze_excite" in entrannas("spaces", "show", space, env=environment).stdout
    small = ("--set", "network.cells=3", "--set", "network.channels=4", "--epochs", "1", "--quiet")
    entrannas("search", "--preset", "quick", "--space", space, *small, env=environment)

    # the run can be inspected where the package is missing
    shown = json.loads(in_process("genotype", "show", "latest", "--format", "json").stdout)
    assert shown["format"] == "entrannas-genotype"
    in_process("genotype", "show", "latest")
    in_process("runs", "show", "latest")
