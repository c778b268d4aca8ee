"""Damage files and folders at random: what copying, disks, editors and enemies do to them."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from datetime import time as clock
from pathlib import Path
from random import Random
from typing import Any

import tomli
import tomli_w
import torch

__all__ = ["HOSTILE_TEXTS", "SECRET", "damage"]

SECRET = "the-secret-outside"  # in a file that only links lead to
HOSTILE_TEXTS = (
    "\x1b]0;owned\x07\x1b[2J\x1b[97;41;5mred",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "' onload=alert(1) x='\"><svg/onload=alert(1)>",
    "=HYPERLINK(1)",
    "+1+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "\t=1+1",
    "\\input{/etc/passwd}\\write18{rm x}",
    "$x$_^{&%#}~",
    "[red]markup[/red] {{7*7}} {% raise %}",
    "\u202emoc.evil\u2066\u200b",
    "line\r\nbreak\x00null\x7f\x85\u2028",
    "a" * 5000,
    "../../../etc/passwd",
    "--help",
    "",
    "🤷‍♀️é̂中文" * 9,
)
HOSTILE_NAMES = (  # of folders: runs and classes
    "20261124-101500-\x1b]0;owned\x07\x1b[97;41;5m",
    "<script>alert(1)<script><img src=x onerror=alert(1)>",
    "=HYPERLINK(1)",
    "--help",
    "\\input{x}",
    "line\nbreak",
    "\udcff\udcfe not UTF-8",
    "latest",
    "[red]x[red]",
    "n" * 250,
    "a@first",
)
NUMBERS = (
    *(0, -1, 1, 2**31, 2**53, 2**63 - 1, 2**64, 10**30, 10**400, -(10**400), True),
    *(1.5, -0.0, 1e308, 5e-324, float("nan"), float("inf"), float("-inf")),
)
Json = Any


def damage(tree: Path, random: Random) -> str:
    """Damage one file or folder below ``tree``, and return what was done, in words."""
    files = [path for path in _files(tree) if path.relative_to(tree).parts[0] not in ("out", "outside")]
    named: dict[str, list[Path]] = {}
    for path in files:
        named.setdefault(path.name if path.suffix != ".png" else path.suffix, []).append(path)
    target = random.choice(named[random.choice(sorted(named))])  # each name as often as any other
    within = _CHANGES.get(target.suffix, ())
    # values that are wrong in a file that is otherwise right get furthest
    change = random.choice(within if within and random.random() < 0.6 else (*_BYTES, *_PLACES))
    done = change.__name__.strip("_").replace("_", " ")
    try:
        change(target, random)
    except Exception:  # an earlier damage left nothing that this one could change
        target.unlink(missing_ok=True)
        target.write_bytes(b"\0")
        done = "a null byte"
    return f"{target.relative_to(tree)!s}: {done}".encode("ascii", "backslashreplace").decode()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _replace(path: Path, content: bytes) -> None:
    path.unlink()  # the file itself is shared with other cases
    path.write_bytes(content)


# bytes


def _truncated(path: Path, random: Random) -> None:
    content = path.read_bytes()
    _replace(path, content[: random.randrange(len(content) + 1)])


def _flipped_bytes(path: Path, random: Random) -> None:
    content = bytearray(path.read_bytes() or b"\0")
    for _ in range(random.choice((1, 1, 3, 50))):
        content[random.randrange(len(content))] = random.randrange(256)
    _replace(path, bytes(content))


def _null_bytes(path: Path, random: Random) -> None:
    content = path.read_bytes()
    start = random.randrange(len(content) + 1)
    _replace(path, content[:start] + bytes(random.choice((1, 4096))) + content[start + 4096 :])


def _deep_nesting(path: Path, random: Random) -> None:
    depth = random.choice((19, 21, 400, 950, 1000, 100_000))
    pieces = {
        ".toml": (
            b"a." * depth + b"a = 1\n",
            b"a = " + b"[" * depth + b"]" * depth,
            b"[" + b"a." * depth + b"a]",
        ),
        ".json": (
            b'{"a":' * depth + b"1" + b"}" * depth,
            b"[" * depth,
            b'{"state": ' + b"[" * depth + b"]" * depth + b"}",
        ),
    }
    _replace(path, random.choice(pieces.get(path.suffix, pieces[".json"])))


def _much_more(path: Path, random: Random) -> None:
    _replace(path, (path.read_bytes() or b"x") * random.choice((2, 100)))


def _long_line(path: Path, _: Random) -> None:
    _replace(path, b'{"step": 1, "x": "' + b"x" * 2**21 + b'"}\n' + path.read_bytes())


def _swapped_file(path: Path, random: Random) -> None:
    others = [other for other in _files(path.parent) if other != path]
    _replace(path, random.choice(others or [path]).read_bytes())


# places


def _missing(path: Path, _: Random) -> None:
    path.unlink()


def _pipe(path: Path, _: Random) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path, _: Random) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path, random: Random) -> None:
    """Link to a file outside, a device, nothing, itself, or a folder."""
    outside = _outside(path)
    secret = outside / f"secret{path.suffix}"
    path.unlink()
    path.symlink_to(random.choice((secret, secret, Path("/dev/zero"), Path("nowhere"), path, outside)))


def _outside(path: Path) -> Path:
    return next(parent for parent in path.parents if (parent / "outside").is_dir()) / "outside"


def _linked_folder(path: Path, random: Random) -> None:
    outside, folder = _outside(path), path.parent
    if folder == outside.parent:
        raise ValueError("the folder of all cases")
    kept = outside / f"kept-{random.randrange(10**9)}"
    shutil.move(folder, kept)
    folder.symlink_to(kept)


def _renamed_folder(path: Path, random: Random) -> None:
    if path.parent == _outside(path).parent:
        raise ValueError("the folder of all cases")
    path.parent.rename(path.parent.with_name(random.choice(HOSTILE_NAMES)))


_BYTES: tuple[Callable[[Path, Random], None], ...] = (
    *(_truncated, _flipped_bytes, _null_bytes, _deep_nesting, _much_more, _long_line, _swapped_file),
)
_PLACES: tuple[Callable[[Path, Random], None], ...] = (
    *(_missing, _pipe, _folder, _link, _linked_folder, _renamed_folder),
)


# values in files that stay readable


def _changed_value(path: Path, random: Random) -> None:
    """Change one value, key or item of a JSON or TOML file."""
    if path.suffix == ".toml":
        table = tomli.loads(path.read_text("utf-8"))
        _replace(path, tomli_w.dumps(_changed(table, random, toml=True)).encode("utf-8", "replace"))
    else:
        _replace(path, _json_bytes(_changed(json.loads(path.read_bytes()), random)))


def _changed_rows(path: Path, random: Random) -> None:
    """Change some rows of a .jsonl file, or their order, alike."""
    lines = path.read_bytes().splitlines()
    for _ in range(random.choice((1, 2, 10))):
        n = random.randrange(len(lines))
        lines[n] = _json_bytes(_changed(json.loads(lines[n]), random))
    if random.random() < 0.2:
        random.shuffle(lines)
    _replace(path, b"\n".join(lines) + b"\n")


def _new_metric(path: Path, random: Random) -> None:
    """Give all rows of a .jsonl file a metric with a hostile name."""
    name = random.choice(HOSTILE_TEXTS)
    rows = [
        json.loads(line) | {name: random.choice((n, 1e308, 10**400))}
        for n, line in enumerate(path.read_bytes().splitlines())
    ]
    _replace(path, b"\n".join(map(_json_bytes, rows)) + b"\n")


def _changed_checkpoint(path: Path, random: Random) -> None:
    content = torch.load(path, weights_only=True)
    buffer = io.BytesIO()
    torch.save(_changed(content, random), buffer)
    _replace(path, buffer.getvalue())


def _changed_zip(path: Path, random: Random) -> None:
    """Give an entry of a .zip other content or another name, or add one."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = random.choice(sorted(entries))
    content = random.choice((b"", b"\0" * 5_000_000, entries[name][:40], _huge_picture()))
    entries[
        random.choice((name, f"train/{random.choice(HOSTILE_NAMES[:6])}/x.png", "/train/../../x.png"))
    ] = content
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for entry, bytes_ in entries.items():
            archive.writestr(entry, bytes_)
    _replace(path, buffer.getvalue())


def _changed_picture(path: Path, _: Random) -> None:
    _replace(path, _huge_picture())


def _huge_picture() -> bytes:
    """Return a small PPM header that claims 10,000 megapixels."""
    return b"P6\n100000 100000\n255\n" + bytes(100)


_CHANGES: dict[str, tuple[Callable[[Path, Random], None], ...]] = {
    ".toml": (_changed_value,),
    ".json": (_changed_value,),
    ".jsonl": (_changed_rows, _changed_rows, _new_metric),
    ".pt": (_changed_checkpoint,),
    ".zip": (_changed_zip,),
    ".png": (_changed_picture,),
}


def _json_bytes(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _changed(value: Json, random: Random, *, toml: bool = False) -> Json:
    """Return ``value`` with something in it replaced, removed or added."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        key = random.choice(list(value))
        changed = dict(value)
        match random.randrange(8):
            case 0:
                del changed[key]
            case 1:
                changed[random.choice(HOSTILE_TEXTS)] = changed.pop(key)
            case 2:
                changed[random.choice(HOSTILE_TEXTS)] = _odd_value(random, toml=toml)
            case _:
                changed[key] = _changed(value[key], random, toml=toml)
        return changed
    if isinstance(value, list) and value and random.random() < 0.8:
        n = random.randrange(len(value))
        return [*value[:n], _changed(value[n], random, toml=toml), *value[n + random.choice((0, 1, 1)) :]]
    return _odd_value(random, toml=toml)


def _odd_value(random: Random, *, toml: bool) -> Json:
    text = random.choice(HOSTILE_TEXTS)
    odd: list[Json] = [text, text, text, [text], {text: text}, [], {}, [[]], random.choice(NUMBERS)]
    odd += [random.choice(NUMBERS), [random.choice(NUMBERS)] * 3]
    dates = [date(2026, 11, 24), datetime(9999, 12, 31, tzinfo=UTC), clock(10, 15), -0.0, float("nan")]
    return random.choice([*odd, *dates] if toml else [*odd, None])
