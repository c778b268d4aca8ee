"""The live view in a real pseudo-terminal."""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

from .fake_search import ID, WARNING

ROOT = Path(__file__).parents[2]
SEARCHING = (sys.executable, "-m", "tests.render.fake_search")
TIMEOUT_S = 60.0  # maximum wait in seconds


class Terminal:
    """A program in a pseudo-terminal, with the contents of its screen."""

    def __init__(
        self, program: str, *arguments: str, environment: dict[str, str], columns: int = 80, lines: int = 24
    ) -> None:
        kept = {
            name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")
        }
        self.sent = b""
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.process = pexpect.spawn(
            program,
            list(arguments),
            dimensions=(lines, columns),
            env=kept | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)} | environment,
            timeout=TIMEOUT_S,
        )

    def read(self, seconds: float = 0.0) -> str:
        """Return what is on the screen after ``seconds``."""
        end = time.monotonic() + seconds
        while True:
            try:
                data = self.process.read_nonblocking(65536, timeout=0.05)
                self.sent += data
                self._stream.feed(data)
            except pexpect.TIMEOUT:
                if time.monotonic() >= end:
                    break
            except pexpect.EOF:
                break
        return "\n".join(line.rstrip() for line in self.screen.display)

    def until(self, holds: Callable[[str], object]) -> str:
        end = time.monotonic() + TIMEOUT_S
        while not holds(shown := self.read()):
            if time.monotonic() > end or not self.process.isalive():
                raise AssertionError(f"never shown:\n{shown}")
        return shown

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resize(lines, columns)
        self.screen.reset()
        self.process.setwinsize(lines, columns)

    def ended(self) -> tuple[str, int]:
        """Return the final screen and the exit code."""
        end = time.monotonic() + TIMEOUT_S
        while self.process.isalive() and time.monotonic() < end:
            self.read()
        shown = self.read()
        self.process.close()
        return shown, self.process.exitstatus if self.process.exitstatus is not None else -1


@pytest.fixture
def terminal(request: pytest.FixtureRequest) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def open_terminal(*arguments: str, **environment: str) -> Terminal:
        opened.append(
            Terminal(*(arguments if arguments[0] == "sh" else SEARCHING + arguments), environment=environment)
        )
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.process.close(force=True)


def is_restored(sent: bytes) -> bool:
    """Return whether the cursor is visible and the main screen is back."""
    return sent.rindex(b"\x1b[?25h") > sent.rindex(b"\x1b[?25l") and sent.rindex(
        b"\x1b[?1049l"
    ) > sent.rindex(b"\x1b[?1049h")


def epoch_shown(screen: str) -> int:
    found = re.search(r"epoch (\d+)/", screen)
    return int(found[1]) if found else 0


def test_shows_a_search_and_leaves_plain_lines(terminal: Callable[..., Terminal]) -> None:
    shown = terminal("8", "0.06", "completed")
    screen = shown.until(lambda screen: epoch_shown(screen) >= 2 and "super-net 60.2 %" in screen)
    for part in (ID, "running", "step ", "eta ", "weight loss", "sparsity, normal cell", "2 ← ", "│"):
        assert part in screen
    assert re.search("[⠁-⣿]{10}", screen)
    screen, code = shown.ended()
    assert code == 0
    assert is_restored(shown.sent)
    assert "search completed after epoch 8, step 48" in screen
    assert screen.count(ID) == 1
    joined = " ".join(screen.split())
    assert f"warning: {WARNING}" in joined
    assert "a stray line on stderr" in joined
    assert "epoch 8/8 loss" in joined


def test_follows_the_terminal_size(terminal: Callable[..., Terminal]) -> None:
    shown = terminal("1000", "0.03", "completed")
    shown.until(lambda screen: "weight loss" in screen)
    shown.resize(20, 5)
    small = shown.until(lambda screen: "epoch" in screen and "loss" in screen)
    assert len(small.split("\n")) == 5
    assert "weight loss" not in small
    shown.resize(80, 24)
    large = shown.until(lambda screen: "weight loss" in screen and "2 ← " in screen)
    assert ID in large
    shown.resize(150, 50)
    shown.until(lambda screen: "consistency gap, per epoch" in screen)


def test_output_rate_is_limited(terminal: Callable[..., Terminal]) -> None:
    """Under eight frames and 40 kB per second, for any number of steps."""
    shown = terminal("100000", "0.001", "completed")
    shown.until(lambda screen: "weight loss" in screen)
    before, began = len(shown.sent), time.monotonic()
    shown.read(seconds=1.5)
    seconds = time.monotonic() - began
    sent = shown.sent[before:]
    assert len(sent) / seconds < 40_000
    assert 1 <= len(re.findall(rb"step \d+", sent)) / seconds < 8


def test_live_view_without_colours(terminal: Callable[..., Terminal]) -> None:
    shown = terminal("1000", "0.03", "completed", NO_COLOR="1")
    shown.until(lambda screen: "weight loss" in screen and epoch_shown(screen) >= 2)
    colours = re.findall(rb"\x1b\[([\d;]*)m", shown.sent)
    assert colours
    assert all(not re.search(rb"(^|;)(3\d|4\d|9\d)(;|$)", code) for code in colours)


def test_dumb_terminal_gets_plain_lines(terminal: Callable[..., Terminal]) -> None:
    shown = terminal("2", "0", "completed", TERM="dumb")
    screen, _ = shown.ended()
    assert b"\x1b" not in shown.sent
    assert "epoch 2/2" in screen


def test_ascii_terminal_gets_ascii(terminal: Callable[..., Terminal]) -> None:
    shown = terminal("1000", "0.03", "completed", PYTHONIOENCODING="ascii")
    screen = shown.until(lambda screen: "weight loss" in screen and "2 <- " in screen)
    assert "**" in screen
    assert shown.sent.isascii()


def test_search_without_steps_prints_plain_lines(terminal: Callable[..., Terminal]) -> None:
    shown = terminal("0", "0", "completed")
    screen, _ = shown.ended()
    assert b"?1049h" not in shown.sent
    assert f"search {ID}: entrannas-dst" in screen
    assert "search completed" in screen


def test_failure_restores_the_terminal(terminal: Callable[..., Terminal]) -> None:
    shown = terminal("4", "0.02", "failed")
    screen, code = shown.ended()
    assert code == 1
    assert is_restored(shown.sent)
    assert screen.rstrip().endswith("failed: the loss is not finite")


def test_ctrl_c_restores_the_terminal(terminal: Callable[..., Terminal]) -> None:
    shown = terminal("1000", "0.03", "completed")
    shown.until(lambda screen: "weight loss" in screen)
    shown.process.sendintr()
    screen, _ = shown.ended()
    assert is_restored(shown.sent)
    assert "search interrupted after epoch" in screen


def test_ctrl_z_restores_the_terminal_until_resumed(terminal: Callable[..., Terminal]) -> None:
    shown = terminal("sh", "-i", PS1="ready>")  # only a shell gives a process that can be suspended
    shown.process.sendline(shlex.join([*SEARCHING, "1000", "0.03", "completed"]))
    shown.until(lambda screen: "weight loss" in screen)
    shown.process.sendcontrol("z")
    shown.until(lambda screen: b"?1049l" in shown.sent and "ready>" in screen)
    assert is_restored(shown.sent)
    before = len(shown.sent)
    shown.read(seconds=0.7)
    assert b"?1049h" not in shown.sent[before:]
    shown.process.sendline("fg")
    shown.until(lambda screen: "weight loss" in screen and not is_restored(shown.sent))
    shown.process.sendintr()
    shown.until(lambda screen: "search interrupted" in screen)


def test_closing_the_terminal_does_not_end_the_search(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    code = (
        "import os, pathlib, signal, sys; from tests.render.fake_search import feed;"
        "from entrannas_cli.render.views import make_view;"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        "view = make_view().__enter__(); feed(view, 10, 0.03); view.__exit__(None, None, None);"
        f"pathlib.Path({str(tmp_path / 'done')!r}).touch()"
    )
    process = pexpect.spawn(
        sys.executable,
        ["-c", code],
        env=os.environ | {"TERM": "xterm", "PYTHONPATH": str(ROOT)},
        timeout=TIMEOUT_S,
    )
    process.expect("weight loss")
    os.close(process.child_fd)
    process.closed = True  # so that pexpect doesn't close it again
    end = time.monotonic() + TIMEOUT_S
    while not (tmp_path / "done").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert (tmp_path / "done").exists()
    os.waitpid(process.pid, 0)
