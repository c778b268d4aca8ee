from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from torchvision import datasets as published

from entrannas_cli.data.availability import CIFAR, DATASETS, user_cache_dir
from entrannas_cli.data.datasets import open_dataset

from ..search.runs import in_process


def _touch_files(name: str, directory: Path) -> None:
    files = CIFAR[name]
    (directory / files.folder).mkdir(parents=True)
    for file in (*files.train, files.meta):
        (directory / files.folder / file).touch()


def test_list_shows_each_data_set_and_its_location() -> None:
    _touch_files("cifar100", user_cache_dir() / "data")
    done = in_process("data", "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(facts.name in done.stdout for facts in DATASETS)
    assert "entrannas data prepare cifar10" in " ".join(done.stdout.split())
    rows = {row["name"]: row for row in json.loads(in_process("data", "list", "--json").stdout)}
    assert {name: row["found"] for name, row in rows.items()} == {
        "digits": True, "cifar10": False, "cifar100": True, "folder": None, "synthetic": True,
    }  # fmt: skip
    assert rows["cifar100"]["path"] == str(user_cache_dir() / "data")
    assert rows["digits"]["shape"] == [1, 8, 8]


def test_list_looks_in_data_dir(tmp_path: Path) -> None:
    _touch_files("cifar10", tmp_path / "own")
    rows = json.loads(in_process("data", "list", "--json", "--data-dir", str(tmp_path / "own")).stdout)
    assert [row["path"] for row in rows if row["found"] and row["path"]] == [str(tmp_path / "own")]


def test_listed_properties_of_digits_are_correct() -> None:
    (facts,) = (facts for facts in DATASETS if facts.name == "digits")
    for part, count in (("train", facts.train_images), ("test", facts.test_images)):
        dataset = open_dataset("digits", part=part)  # type: ignore[arg-type]
        assert (len(dataset), dataset.shape, len(dataset.classes)) == (count, facts.shape, facts.classes)


def test_list_and_availability_check_import_no_heavy_packages() -> None:
    code = """if True:
        import sys
        from entrannas_cli.__main__ import _run
        from entrannas_cli.data.availability import cifar_found
        code = _run(["data", "list"], False)
        cifar_found("cifar10")
        heavy = {"torch", "torchvision", "pandas", "numpy", "sklearn", "textual"} & set(sys.modules)
        sys.exit(code or " ".join(heavy) or 0)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_prepare_rejects_data_sets_it_cannot_download() -> None:
    for name, answer in [("digits", "digits needs no preparation"), ("cifar", "did you mean cifar10?")]:
        done = in_process("data", "prepare", name, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert answer in done.stderr


def test_prepare_without_network_explains_the_manual_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published.CIFAR10, "url", "http://127.0.0.1:9/cifar-10-python.tar.gz")
    done = in_process("data", "prepare", "cifar10", "--data-dir", str(tmp_path), check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "cifar10 could not be downloaded" in done.stderr
    assert "copy cifar-10-python.tar.gz from another machine to" in done.stderr
