"""Damage run directories at random and read them with every command: a clear answer, never a crash.

``python -m tests.reliability.fuzz --count 10000`` prints its figures as JSON; a failing case prints its seed, and
``--seed SEED --count 1`` repeats it.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from types import FrameType
from xml.etree import ElementTree

import pytest
import torch

from entrannas_cli.__main__ import main
from entrannas_cli.cli.arguments import complete_genotype
from entrannas_cli.common.errors import EntrannasError
from entrannas_cli.data.folder import list_folder
from entrannas_cli.monitor.run_index import RunIndex
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.find_run import list_runs
from entrannas_cli.store.run import Run

from ..dashboard.driver import LARGE, Driver, drive
from ..data.images import image_files, write_folder, write_zip
from ..isolation import isolate
from .damage import SECRET, damage

__all__ = ["Figures", "attack", "faults", "make_originals"]

CPU_LIMIT_S = 5.0  # of one command
WALL_LIMIT_S = 120.0  # of one command, on a machine that has other work
DASHBOARD_EVERY = 300  # cases: it costs as much as a hundred commands
KINDS = ("searched", "trained", "ranked")  # the ids of the original runs
SPACE = 'name = "tiny"\nnodes = 2\noperations = ["skip_connect", "max_pool_3x3", "conv_1x1"]\n'
SEARCH = (
    *("search", "--preset", "quick", "--space", "space.toml", "--epochs", "2", "--dataset", "folder"),
    *("--data", "images", "--batch-size", "8", "--name", "searched", "--quiet"),
    *("--set", "network.cells=3", "--set", "network.channels=2", "--set", "target.cells=3"),
    *("--set", "target.channels=2", "--set", "data.image_size=8"),
)
TRAIN = (
    *("train", "searched", "--preset", "quick", "--epochs", "2", "--cells", "3", "--channels", "2"),
    *("--dataset", "folder", "--data", "images", "--batch-size", "8", "--name", "trained", "--quiet"),
    *("--set", "data.image_size=8"),
)
RANK = (
    *("rank", "searched", "--preset", "quick", "--epochs", "1", "--top", "1", "--name", "ranked", "--quiet"),
    *("--set", "derived.cells=3", "--set", "derived.channels=2"),
)
CHEAP = (
    "runs list",
    "runs list --json",
    "runs show RUN",
    "runs show RUN --json",
    "runs path RUN",
    "runs note RUN",
    "compare",
    "compare --format table",
    "compare --format csv -c +tags",
    "compare --format markdown",
    "compare --format latex",
    "compare --format json",
    "compare runs/*/trainings",
    "compare --diff",
    "compare --diff --format latex",
    "compare --group-by method,space --published",
    "compare --where kind=search --sort -gap",
    "compare --columns +data.dataset,+network.channels,+weight_loss --sort network.cells",
    "compare --group-by data.dataset,seed --format latex",
    "genotype show RUN",
    "genotype show RUN@first --json",
    "genotype show RUN --format dot",
    "genotype show cells.txt --format darts",
    "genotype show cells.json",
    "genotype diff searched RUN",
    "genotype diff cells.json cells.txt --json",
    "genotype history RUN",
    "genotype history RUN --json",
    "genotype import cells.txt",
    "genotype draw RUN -o out/cells.gv",
    "spaces list",
    "spaces show space.toml",
    "spaces check space.toml",
    "spaces check space.toml --json",
    "spaces check runs/searched/config.toml",
    "search --print-config",
    "search --config entrannas.toml --print-config",
    "search --config FILE --print-config --json",
    "train RUN --print-config",
    "rank RUN --print-config",
    "watch RUN",
    "stop RUN",
    "data list",
)
COSTLY = (
    "report runs -o out/report.html --title <b>title</b>",
    "report RUN -o out/report.html",
    "plot runs -o out/plot.svg",
    "plot RUN -o out/plot.svg -m accuracy --x time --log",
    "plot runs -o out/plot.svg -g network.cells",
    "genotype draw RUN -o out/cells.svg",
    "genotype history RUN -o out/history.svg",
    "evaluate RUN --json",
    "evaluate RUN --weights best",
    "export RUN -o out/ -f checkpoint --force",
    "export RUN -o out/ -f python --force --json",
    "doctor --json",
)
COSTLY_SHARE = 0.05
REFUSED = (  # for an undamaged training, or its space.toml
    *(
        "watch",
        "stop",
        "genotype show RUN@first",
        "genotype history",
        "spaces check runs",
        "search --config FILE",
    ),
)


class Hang(BaseException):
    """A command took too long; no ``except Exception`` catches it."""


@dataclass
class Figures:
    """What an attack did and found. ``failures`` has a line per case that went wrong."""

    cases: int = 0
    commands: int = 0
    dashboards: int = 0
    exit_codes: dict[int, int] = field(default_factory=dict)
    slowest_command_s: float = 0.0  # CPU time
    cpu_s: float = 0.0
    failures: list[str] = field(default_factory=list)


def make_originals(folder: Path) -> None:
    """Make small real runs of all kinds in ``folder``, the working directory, and the other files to damage."""
    (folder / "space.toml").write_text(SPACE)
    files = image_files(images=16) | image_files(images=4, part="test")
    write_folder(folder / "images", files)
    write_zip(folder / "images.zip", files)
    for arguments in (SEARCH, TRAIN, RANK):
        code, out, err = _captured(partial(main, arguments), live=False)
        if code:
            raise AssertionError(f"{arguments} exited with {code}:\n{out}{err}")
    for run in list_runs(folder / "runs"):  # ids without times: the same commands fit all of them
        run.path.rename(run.path.with_name(run.id.partition("-")[2].partition("-")[2]))
    cells = Run(folder / "runs" / "searched").genotype()
    assert cells is not None
    (folder / "cells.json").write_text(cells.to_json())
    (folder / "cells.txt").write_text(PUBLISHED["DARTS_V2"].to_darts())
    (folder / "entrannas.toml").write_text('runs_dir = "runs"\n[data]\ndataset = "digits"\n')
    for run in list_runs(folder / "runs"):
        (run.path / "notes.json").write_text('{"format": 1, "tags": ["good"], "note": "a note"}')


def attack(originals: Path, count: int, seed: int = 0, *, log: Callable[[str], None] = print) -> Figures:
    """Run ``count`` cases from ``seed`` on, each on a damaged copy of ``originals`` in the working directory."""
    figures = Figures()
    begun = time.process_time()
    if count > 1:
        _check_commands(originals)
    for number in range(seed, seed + count):
        problems = _run_case(originals, number, figures)
        figures.cases += 1
        figures.failures += problems
        for problem in problems:
            log(problem)
        if figures.cases % 100 == 0:
            log(f"{figures.cases} cases, {figures.commands} commands, {len(figures.failures)} failures")
    figures.cpu_s = round(time.process_time() - begun, 1)
    return figures


def _check_commands(originals: Path) -> None:
    """Check that the commands work on undamaged runs, which also imports what they need."""
    place = _copy(originals)
    failed = []
    for line in (*CHEAP, *COSTLY):
        code, out, err = _captured(partial(main, _arguments(line, "trained", "space.toml")), live=False)
        if code and not (code == 2 and line.startswith(REFUSED)):
            failed.append(f"{line}: exit code {code}\n{out}{err}")
    assert not failed, "\n".join(failed)
    shutil.rmtree(place)


def _copy(originals: Path) -> Path:
    """Copy the originals to ``case`` in the working directory's parent, and go there.

    Files are linked: damage replaces them, and commands must not write to them.
    """
    place = originals.parent / "case"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(originals, place, copy_function=os.link)
    (place / "outside").mkdir()
    for suffix in ("", ".toml", ".json", ".jsonl", ".txt", ".pt", ".png", ".zip"):
        (place / "outside" / f"secret{suffix}").write_text(f'secret = "{SECRET}"\n')
    (place / "out").mkdir()
    os.chdir(place)
    return place


def _run_case(originals: Path, number: int, figures: Figures) -> list[str]:
    random = Random(number)
    place = _copy(originals)
    done = [damage(place, random) for _ in range(random.choice((1, 1, 1, 2, 4)))]
    before = _state(place)
    runs = sorted(path.name for path in Path("runs").iterdir()) if Path("runs").is_dir() else []
    files = [str(path) for path in place.rglob("*.toml")] or ["space.toml"]
    lines = [random.choice(COSTLY if random.random() < COSTLY_SHARE else CHEAP) for _ in range(3)]
    damaged = [run for run in runs if run not in KINDS or any(f"runs/{run}/" in text for text in done)]
    run = random.choice(damaged or runs or ["searched"])
    actions: list[tuple[str, Callable[[], object]]] = [
        (line, partial(main, _arguments(line, run, random.choice(files)))) for line in lines
    ]
    actions.append(random.choice((("images", _read_images), ("index", _read_index), ("complete", _complete))))
    if number % DASHBOARD_EVERY == DASHBOARD_EVERY - 1:
        actions.append(("dashboard", _look_around))
        figures.dashboards += 1
    problems = []
    for line, action in actions:
        begun = time.process_time()
        live = random.random() < 0.3
        for made in Path("out").iterdir():
            made.unlink()
        try:
            limit = 20 * CPU_LIMIT_S if line == "dashboard" else CPU_LIMIT_S
            with _time_limit(limit):
                code, out, err = _captured(action, live=live)
        except Hang:
            code, out, err = -1, "", f"hangs: {traceback.format_exc()[-1500:]}"
        except Exception:
            code, out, err = -2, "", traceback.format_exc()[-3000:]
        figures.commands += 1
        figures.exit_codes[code] = figures.exit_codes.get(code, 0) + 1
        figures.slowest_command_s = max(figures.slowest_command_s, round(time.process_time() - begun, 2))
        found = [f"exit code {code}: {err}"] if code not in (0, 1, 2) else []
        found += faults(line, out, err, code, live=live)
        problems += [f"seed {number}: {line}: {fault} (after {'; '.join(done)})" for fault in found]
    if changes := sorted(map(str, before.items() ^ _state(place).items())):
        problems.append(f"seed {number}: {lines} changed {changes[:4]} (after {'; '.join(done)})")
    return problems


def _arguments(line: str, run: str, file: str) -> list[str]:
    words = {"RUN": f"runs/{run}", "RUN@first": f"runs/{run}@first", "FILE": file}
    return [words.get(word, word) for word in line.split()]


# other readers


def _read_images() -> None:
    for path in (Path("images"), Path("images.zip")):
        try:
            images = list_folder(path, "train", 8).images
            images.read(range(min(40, len(images))))
        except EntrannasError as error:
            print(error)


def _read_index() -> None:
    index = RunIndex(Path("runs"))
    index.refresh()
    for row in index.rows.values():
        json.dumps(row.to_dict(), default=str)


def _complete() -> None:
    class Context:
        params: dict[str, str] = {}  # noqa: RUF012

    print(*complete_genotype(Context(), ""), sep="\n")  # type: ignore[arg-type]


def _look_around() -> None:
    seen: list[str] = []

    async def look(driver: Driver) -> None:
        for key in ("down", "down", "space", "up", "space", "c", "1", "2", "3", "escape", "escape"):
            await driver.press(key)
        for _ in range(min(3, len(driver.ids))):
            await driver.press("enter")
            for key in ("1", "2", "3", "4", "5", "escape", "down"):
                await driver.press(key)
        seen.extend([driver.shown, *driver.notes])

    drive(Path("runs"), look, size=LARGE, settings=Path("out/settings.json"))
    print(*seen, sep="\n")


# running a command


@contextmanager
def _time_limit(cpu_s: float) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Hang

    timers = {signal.SIGPROF: (signal.ITIMER_PROF, cpu_s), signal.SIGALRM: (signal.ITIMER_REAL, WALL_LIMIT_S)}
    before = {number: signal.signal(number, stop) for number in timers}
    try:
        for timer, seconds in timers.values():
            signal.setitimer(timer, seconds)
        yield
    finally:
        for timer, _ in timers.values():
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


class _Output(io.TextIOWrapper):
    """A stream as Python opens stdout, in memory; ``live`` pretends that it is a terminal."""

    def __init__(self, *, live: bool) -> None:
        self._bytes = io.BytesIO()
        self._live = live
        super().__init__(self._bytes, encoding="utf-8", newline="\n")

    def isatty(self) -> bool:
        return self._live

    def text(self) -> str:
        self.flush()
        return self._bytes.getvalue().decode("utf-8", "replace")


def _captured(action: Callable[[], object], *, live: bool) -> tuple[int, str, str]:
    """Return the exit code of ``action`` and what it printed."""
    out, err = _Output(live=live), _Output(live=live)
    code = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            action()
        except SystemExit as end:
            code = int(end.code or 0)
    return code, out.text(), err.text()


# checks

_STYLE = re.compile(r"\x1b\[([\d;]*m|\?25[lh]|\d*[AK])|\r")  # and what a progress bar needs
_HOSTILE_STYLE = "\x1b[97;41;5m"
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def faults(line: str, out: str, err: str, code: int, *, live: bool) -> list[str]:
    """Return what is wrong with the output of a command and the files that it wrote."""
    found = []
    for name, text in (("stdout", out), ("stderr", err)):
        if "internal error" in text or "Traceback" in text:
            found.append(f"{name}: {text[-600:]}")
        shown = _STYLE.sub("", text) if live and _HOSTILE_STYLE not in text else text
        unsafe = _UNSAFE.search(shown)
        if unsafe and (live or not line.startswith("runs path")):  # a path is for programs, as it is
            found.append(
                f"{name} has {unsafe[0]!r}: {shown[max(0, unsafe.start() - 80) : unsafe.end() + 20]!r}"
            )
        if SECRET in text and "outside" not in line:
            found.append(f"{name} has what a link out of the run leads to")
    if code == 0 and ("--json" in line or "json" in line.split()):
        json.loads(out, parse_constant=lambda name: found.append(f"{name} in JSON"))
    if line.startswith("compare"):
        found += _table_faults(line, out, live=live)
    for path in Path("out").iterdir():
        found += [f"{path.name}: {fault}" for fault in _file_faults(path)]
    return found


def _table_faults(line: str, out: str, *, live: bool) -> list[str]:
    if "latex" in line:
        return [f"LaTeX has {command}" for command in (r"\input", r"\write18") if command in out]
    if "markdown" in line:
        return ["Markdown has <script"] if re.search(r"(?<!\\)<(script|img)", out) else []
    if "table" in line or "json" in line or live:
        return []
    cells = [cell for row in csv.reader(io.StringIO(out)) for cell in row]
    return [
        f"CSV has {cell[:80]!r}"
        for cell in cells
        if cell.startswith(("=", "+", "-", "@", "\t", "\r")) and not _is_number(cell)
    ]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _file_faults(path: Path) -> list[str]:
    if path.suffix not in (".html", ".svg", ".gv"):
        return []
    text = path.read_text("utf-8")
    found = ["it has what a link out of the run leads to"] if SECRET in text else []
    if path.suffix == ".svg":
        ElementTree.fromstring(text)
    if path.suffix != ".gv":  # the report has a script of its own
        found += ["a script"] if text.count("<script") > (path.suffix == ".html") else []
        found += [f"{tag}" for tag in ("<img", "<svg/onload") if tag in text]
    return found + (["control characters"] if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text) else [])


def _state(place: Path) -> dict[str, tuple[object, ...]]:
    """Return what would differ if anything but ``out`` were changed."""
    state: dict[str, tuple[object, ...]] = {}
    for folder, folders, names in os.walk(place):
        if folder == str(place):
            folders.remove("out")
        for name in [*folders, *names]:
            path = os.path.join(folder, name)  # noqa: PTH118 (many)
            stat = os.lstat(path)
            is_folder = os.path.isdir(path)  # noqa: PTH112
            state[path] = (stat.st_mode, stat.st_ino, 0 if is_folder else stat.st_size, stat.st_mtime_ns)
    return state


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the attack from the command line; return 1 if it found anything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="number of cases")
    parser.add_argument("--seed", type=int, default=0, help="of the first case")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        isolate(patch, Path(folder))
        make_originals(Path.cwd())
        figures = attack(
            Path.cwd(), options.count, options.seed, log=lambda text: print(text, file=sys.stderr, flush=True)
        )
        os.chdir("/")
    print(json.dumps(asdict(figures)))
    return 1 if figures.failures else 0


if __name__ == "__main__":
    sys.exit(run())
