from __future__ import annotations

import math
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from entrannas_cli.common.errors import UsageError
from entrannas_cli.data import folder
from entrannas_cli.data.decode import decode_image
from entrannas_cli.data.folder import list_folder

from .images import encode, image_files, picture, write_folder, write_zip

Writer = Callable[[Path, dict[str, bytes]], Path]


def _as_folder(path: Path, files: dict[str, bytes]) -> Path:
    return write_folder(path / "set", files)


def _as_zip(path: Path, files: dict[str, bytes]) -> Path:
    return write_zip(path / "set.zip", files)


def _as_zip_of_folder(path: Path, files: dict[str, bytes]) -> Path:
    extras = {"__MACOSX/set/train/x": b"", "README.md": b"", "set/": b"", "set/notes.txt": b""}
    return write_zip(path / "set.zip", extras | {f"set/{name}": content for name, content in files.items()})


WRITERS = [_as_folder, _as_zip, _as_zip_of_folder]


@pytest.mark.parametrize("write", WRITERS)
def test_images_are_ordered_by_class_and_name(tmp_path: Path, write: Writer) -> None:
    files = image_files(("dog", "cat", "ant"), images=3)
    extras = {
        "train/cat/.hidden.png": b"",
        "train/cat/notes.txt": b"",
        "train/.git/x.png": b"",
        "train/list.csv": b"",
    }
    nested = {"train/dog/more/deep.PNG": encode(picture(99))}
    listed = list_folder(write(tmp_path, files | extras | nested), "train")
    assert listed.classes == ("ant", "cat", "dog")
    assert listed.labels.tolist() == [0] * 3 + [1] * 3 + [2] * 4
    assert listed.images.shape == (3, 8, 8)
    expected = [np.asarray(picture(seed)).transpose(2, 0, 1) for seed in (*range(9), 99)]
    assert np.array_equal(listed.images.read(range(10)), np.stack(expected))
    assert not listed.lossy


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("part", ["test", "val"])
def test_test_part_is_test_or_val_with_the_labels_of_the_training_part(
    tmp_path: Path, write: Writer, part: str
) -> None:
    path = write(tmp_path, image_files(("a", "b", "c")) | image_files(("c",), images=2, part=part))
    listed = list_folder(path, "test")
    assert listed.classes == ("a", "b", "c")
    assert listed.labels.tolist() == [2, 2]


@pytest.mark.parametrize("test_part", ["absent", "broken", "unreadable", "a file"])
def test_training_part_is_read_without_the_test_part(tmp_path: Path, test_part: str) -> None:
    root = write_folder(tmp_path / "set", image_files())
    if test_part == "broken":
        write_folder(root, {"test/unknown/x.png": b"no image", "test/cat/x.png": b""})
    elif test_part == "unreadable":
        (root / "test").symlink_to(root / "test")  # a symlink loop, so that listing it fails
    elif test_part == "a file":
        (root / "test").write_bytes(b"")
    listed = list_folder(root, "train")
    assert len(listed.images.read(range(12))) == 12


def _without(files: dict[str, bytes], start: str) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if not name.startswith(start)}


@pytest.mark.parametrize("write", [_as_folder, _as_zip])
@pytest.mark.parametrize(
    ("files", "part", "message"),
    [
        ({"valid/cat/1.png": b""}, "train", "no train/ folder"),
        ({"train/1.png": b""}, "train", "no class folders"),
        ({"train/cat/1.png": b""}, "train", "only one class folder, cat"),
        (
            _without(image_files(), "train/dog/") | {"train/dog/x.txt": b""},
            "train",
            r"train/dog: no images in this class",
        ),
        (image_files(), "test", "no test/ or val/"),
        (image_files() | {"test/fox/1.png": b""}, "test", r"test: class fox is not in train"),
        (image_files() | {"test/cat/1.txt": b""}, "test", r"test: no images"),
        (image_files() | {"train/cat/00.png": b"GIF?"}, "train", r"train/cat/00\.png: not a readable image"),
    ],
)
def test_layout_errors_are_named(
    tmp_path: Path, write: Writer, files: dict[str, bytes], part: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        list_folder(write(tmp_path, files), part)


def test_folder_one_level_too_high_is_pointed_out(tmp_path: Path) -> None:
    write_folder(tmp_path / "top" / "set", image_files())
    with pytest.raises(UsageError, match="no train/ folder") as caught:
        list_folder(tmp_path / "top", "train")
    assert f"did you mean {tmp_path}/top/set?" in caught.value.details


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut short"])
def test_neither_folder_nor_zip_is_rejected(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "set.zip"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"set\.zip: (no such folder|neither a folder nor a readable)"):
        list_folder(path, "train")


@pytest.mark.parametrize("write", [_as_folder, _as_zip])
def test_unreadable_images_are_named(tmp_path: Path, write: Writer) -> None:
    files = image_files(images=4)
    files["train/cat/01.png"] = files["train/cat/01.png"][:60]
    files["train/cat/02.png"] = b""
    files["train/dog/03.png"] = encode(picture(0, (9, 8)))
    images = list_folder(write(tmp_path, files), "train").images
    for index, message in [
        (1, r"cat/01\.png: not a"),
        (2, r"cat/02\.png: not a"),
        (7, r"dog/03\.png: 9x8 pixels"),
    ]:
        with pytest.raises(UsageError, match=message) as caught:
            images.read([0, index])
        assert caught.value.details
    with pytest.raises(UsageError, match=r"data\.image_size"):
        images.read([7])


def test_names_with_terminal_escapes_are_escaped(tmp_path: Path) -> None:
    files = image_files() | {"train/cat/\x1b[31m.png": b"no image"}
    with pytest.raises(UsageError) as caught:
        list_folder(write_folder(tmp_path / "set", files), "train")
    assert "\x1b" not in str(caught.value)
    assert "\\x1b[31m.png" in str(caught.value)


def test_huge_zip_entry_is_rejected_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in image_files().items():
            archive.writestr(name, content)
        archive.writestr("train/dog/bomb.png", bytes(3 * 2**20))
    monkeypatch.setattr(folder, "MAX_IMAGE_BYTES", 2 * 2**20)
    images = list_folder(path, "train").images
    assert len(images.read(range(12))) == 12
    with pytest.raises(UsageError, match=r"bomb\.png.*larger than 2 MiB"):
        images.read([12])


@pytest.mark.parametrize(
    ("kind", "reason"), [("pipe", "not a regular"), ("zeros", "not a regular"), ("large", "larger than")]
)
def test_only_regular_files_of_moderate_size_are_read(tmp_path: Path, kind: str, reason: str) -> None:
    path = write_folder(tmp_path / "set", image_files())
    bad = path / "train/dog/x.png"
    match kind:
        case "pipe":
            os.mkfifo(bad)
        case "zeros":
            bad.symlink_to("/dev/zero")
        case "large":
            with bad.open("wb") as file:
                file.truncate(2**40)
    images = list_folder(path, "train").images
    assert len(images.read(range(12))) == 12
    with pytest.raises(UsageError, match=rf"x\.png: not a readable image: .*{reason}"):
        images.read([12])


def test_zip_with_unsafe_names_writes_nothing(tmp_path: Path) -> None:
    evil = {"../../outside.png": b"x", "/etc/outside.png": b"x", "train/cat/" + "d/" * 20_000 + "x.png": b"x"}
    inside = tmp_path / "inside"
    inside.mkdir()
    listed = list_folder(write_zip(inside / "set.zip", image_files() | evil), "train")
    assert listed.classes == ("cat", "dog")
    assert [path.name for path in inside.iterdir()] == ["set.zip"]
    assert not list(tmp_path.glob("outside*"))


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "RGBA", "CMYK", "I;16"])
def test_every_image_mode_becomes_rgb(mode: str) -> None:
    if mode == "I;16":
        grey = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1024
        content = encode(Image.fromarray(grey))
        expected = np.broadcast_to((grey >> 8).astype(np.uint8), (3, 8, 8))
    else:
        image = picture(3, mode=mode)
        content = encode(image, "TIFF" if mode == "CMYK" else "PNG")
        expected = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    assert np.array_equal(decode_image(content), expected)


def test_image_size_resizes_images_of_any_size(tmp_path: Path) -> None:
    sizes = [(8, 8), (5, 9), (40, 16), (16, 17)]
    files = {
        f"train/{name}/{number}.png": encode(picture(number, size))
        for name in "ab"
        for number, size in enumerate(sizes)
    }
    images = list_folder(write_folder(tmp_path / "set", files), "train", image_size=8).images
    pixels = images.read(range(8))
    assert pixels.shape == (8, 3, 8, 8)
    assert np.array_equal(pixels[0], np.asarray(picture(0)).transpose(2, 0, 1))  # unchanged
    assert (
        images.read([0], np.zeros((1, 4), np.float32)).tolist() == pixels[:1].tolist()
    )  # too small to be cropped


def test_central_and_random_crops() -> None:
    width, height = 96, 64
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    content = encode(Image.fromarray(np.stack([x, y, x], 2).astype(np.uint8)))
    central = decode_image(content, 16).astype(float)
    side = 64 * 16 / 18  # 18 is 16 · 8/7, rounded
    assert abs(central[0].mean() - (width - 1) / 2) < 1
    assert abs(central[1].mean() - (height - 1) / 2) < 1
    assert central[1, -1].mean() - central[1, 0].mean() == pytest.approx(side * 15 / 16, abs=1.5)

    corner = decode_image(content, 16, np.array([0, 0.5, 0, 0], np.float32)).astype(float)
    small = math.sqrt(0.08 * width * height)  # the smallest area: a square, top left
    assert corner[0, 0, -1] + corner[0, 0, 0] == pytest.approx(small - 1, abs=2)
    assert corner[1, -1, 0] + corner[1, 0, 0] == pytest.approx(small - 1, abs=2)
    whole = decode_image(content, 16, np.array([1 - 2**-24, 0.999, 0.5, 0.5], np.float32)).astype(float)
    assert whole[0].max() - whole[0].min() > 80


def test_jpeg_files_are_marked_lossy(tmp_path: Path) -> None:
    files = image_files() | {"train/dog/x.JPG": encode(picture(1), "JPEG")}
    assert list_folder(write_folder(tmp_path / "set", files), "train").lossy
    shutil.rmtree(tmp_path / "set")
    write_folder(tmp_path / "set", image_files() | {"test/dog/x.jpg": encode(picture(1), "JPEG")})
    assert not list_folder(tmp_path / "set", "train").lossy
