from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision import datasets as published

from entrannas_cli.common.errors import RunFailed, UsageError
from entrannas_cli.config.search_sections import SearchDataConfig
from entrannas_cli.data.availability import cifar_found, user_cache_dir
from entrannas_cli.data.cifar import fetch_cifar
from entrannas_cli.data.datasets import open_dataset
from entrannas_cli.engine.preflight import require_data

NAMES = ["cifar10", "cifar100"]
PER_FILE = 20


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve small archives in CIFAR's format in place of the published ones; yield the served folder."""
    served = tmp_path / "served"
    served.mkdir()
    handler = partial(_QuietHandler, directory=str(served))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()  # quick to shut down
        for kind, classes, label in [
            (published.CIFAR10, 10, "labels"),
            (published.CIFAR100, 100, "fine_labels"),
        ]:
            _publish(kind, classes, label, served, f"http://127.0.0.1:{server.server_port}", monkeypatch)
        yield served
        server.shutdown()


def _publish(
    kind: type[published.CIFAR10], classes: int, label: str, served: Path, url: str, patch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(classes)
    contents: dict[str, dict[str, Any]] = {
        kind.meta["filename"]: {kind.meta["key"]: [f"class {number}" for number in range(classes)]}
    }
    for name, _ in [*kind.train_list, *kind.test_list]:
        pixels = random.integers(0, 256, (PER_FILE, 3072), dtype=np.uint8)
        contents[name] = {"data": pixels, label: [number % classes for number in range(PER_FILE)]}
    files = {name: pickle.dumps(content) for name, content in contents.items()}
    with tarfile.open(served / kind.filename, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{kind.base_folder}/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    patch.setattr(kind, "url", f"{url}/{kind.filename}")
    patch.setattr(kind, "tgz_md5", _md5((served / kind.filename).read_bytes()))
    patch.setattr(kind, "train_list", [[name, _md5(files[name])] for name, _ in kind.train_list])
    patch.setattr(kind, "test_list", [[name, _md5(files[name])] for name, _ in kind.test_list])
    patch.setattr(kind, "meta", kind.meta | {"md5": _md5(files[kind.meta["filename"]])})


@pytest.mark.parametrize("name", NAMES)
def test_downloaded_data_is_found_and_read(
    name: str, server: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[int, int]] = []
    assert cifar_found(name) is None
    directory = fetch_cifar(name, progress=lambda text, done, of: seen.append((done, of)))
    assert directory == cifar_found(name) == user_cache_dir() / "data"
    assert seen[-1][0] == seen[-1][1] == next(server.glob(f"{name.replace('r1', 'r-1')}-*")).stat().st_size
    assert capfd.readouterr().out == ""

    train, test = open_dataset(name), open_dataset(name, part="test")
    assert len(train) == PER_FILE * (5 if name == "cifar10" else 1)
    assert len(test) == PER_FILE
    assert train.shape == (3, 32, 32)
    assert train.classes[3] == "class 3"
    original = published.CIFAR10 if name == "cifar10" else published.CIFAR100
    image, label = original(directory)[1]
    assert isinstance(train.images, torch.Tensor)
    assert np.array_equal(train.images[1].permute(1, 2, 0).numpy(), np.asarray(image))
    assert train.labels[1] == label
    assert (train.mean, train.std) == (test.mean, test.std)

    seen.clear()
    for file in server.iterdir():
        file.unlink()
    assert fetch_cifar(name, progress=lambda text, done, of: seen.append((done, of))) == directory
    assert seen == []


def test_search_never_opens_the_test_file(server: Path) -> None:
    directory = fetch_cifar("cifar10")
    (directory / "cifar-10-batches-py" / "test_batch").unlink()
    (directory / "cifar-10-python.tar.gz").unlink()
    assert len(open_dataset("cifar10")) == 100
    with pytest.raises(UsageError, match="missing or damaged"):
        open_dataset("cifar10", part="test")


def test_missing_files_error_names_both_ways_to_get_them() -> None:
    with pytest.raises(UsageError, match="cifar10 is not available") as caught:
        open_dataset("cifar10")
    assert "entrannas data prepare cifar10" in str(caught.value)
    assert "--download" in str(caught.value)
    with pytest.raises(UsageError, match="my data") as caught:
        open_dataset("cifar100", path="my data")
    assert "--data-dir 'my data'" in str(caught.value)


def test_files_are_found_in_every_documented_place(server: Path) -> None:
    fetch_cifar("cifar100", "data")
    assert cifar_found("cifar100") == fetch_cifar("cifar100") == Path("data")  # not downloaded a second time
    assert not user_cache_dir().exists()
    assert cifar_found("cifar100", "data") == cifar_found("cifar100", "data/cifar-100-python") == Path("data")
    assert cifar_found("cifar100", "elsewhere") is None
    assert len(open_dataset("cifar100", path="data/cifar-100-python")) == PER_FILE


def test_damaged_files_are_never_unpickled_and_can_be_fixed(server: Path, tmp_path: Path) -> None:
    directory = fetch_cifar("cifar10")
    file = directory / "cifar-10-batches-py" / "data_batch_2"
    marker = tmp_path / "ran"
    file.write_bytes(b"cposix\nsystem\n(Vtouch " + str(marker).encode() + b"\ntR.")
    with pytest.raises(UsageError, match="missing or damaged") as caught:
        open_dataset("cifar10")
    assert "entrannas data prepare cifar10" in str(caught.value)
    assert not marker.exists()
    fetch_cifar("cifar10")
    assert len(open_dataset("cifar10")) == 100


def test_downloads_only_on_request(server: Path) -> None:
    config = SearchDataConfig(dataset="cifar10")
    with pytest.raises(UsageError, match="is not available"):
        require_data(config)
    require_data(config, download=True)
    require_data(config)
    assert len(open_dataset("cifar100", download=True)) == PER_FILE


@pytest.mark.parametrize("damage", ["gone", "cut short", "other content"])
def test_failed_download_is_reported_and_leaves_no_partial_files(server: Path, damage: str) -> None:
    archive = server / "cifar-10-python.tar.gz"
    content = archive.read_bytes()
    if damage == "gone":
        archive.unlink()
    else:
        archive.write_bytes(content[:100] if damage == "cut short" else content[::-1])
    with pytest.raises(RunFailed, match="cifar10"):
        fetch_cifar("cifar10")
    assert cifar_found("cifar10") is None
    archive.write_bytes(content)
    fetch_cifar("cifar10")
    assert cifar_found("cifar10") is not None


def test_local_archive_is_used(server: Path) -> None:
    own = Path("own")
    own.mkdir()
    (server / "cifar-10-python.tar.gz").rename(own / "cifar-10-python.tar.gz")
    assert fetch_cifar("cifar10", own) == own
    assert len(open_dataset("cifar10", path=own)) == 100
