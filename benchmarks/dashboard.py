"""How responsive the dashboard is: ``python benchmarks/dashboard.py [--runs N] [--streaming N] [--seconds S]``.

Creates run directories in a temporary folder, drives the real program in a pseudo terminal of 160x45 characters,
and prints a table: seconds until the first runs are shown and until all are read; CPU use and terminal output while
idle; the same, and the latency of a key press, while several runs write steps.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import platform
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psutil
import pyte

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from entrannas_cli.store.create import create_run  # noqa: E402
from entrannas_cli.store.session import RunSession  # noqa: E402
from tests.results.generated import make_runs  # noqa: E402 (tests are not installed)

COLUMNS, ROWS = 160, 45
SETTLING = 12.0  # seconds: files modified just now are read again
STEPS_PER_SECOND = 10  # of each streaming run
KEYS = [b"j"] * 60 + [b"\x06"] * 15 + [b"k"] * 25


class Terminal:
    """The program in a pseudo terminal, and its screen."""

    def __init__(self, arguments: list[str]) -> None:
        self.began = time.perf_counter()
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.bytes = 0
        self._stream = pyte.ByteStream(self.screen)
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.execv(sys.executable, [sys.executable, "-m", "entrannas_cli", *arguments])
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def watch(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Read the output for ``seconds``, or until ``until`` holds; return whether it held."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            if select.select([self.descriptor], [], [], 0.005)[0]:
                data = os.read(self.descriptor, 2**16)
                self.bytes += len(data)
                self._stream.feed(data)
                if until():
                    return True
        return False

    def press(self, key: bytes) -> float:
        """Press ``key`` and return the seconds until the screen changed."""
        before = list(self.screen.display)
        pressed = time.perf_counter()
        os.write(self.descriptor, key)
        self.watch(1, lambda: list(self.screen.display) != before)
        return time.perf_counter() - pressed

    def load(self, seconds: float) -> tuple[float, float]:
        """Return (percent of a core, kB/s to the terminal) over ``seconds``."""
        process = psutil.Process(self.pid)
        self.bytes, before = 0, process.cpu_times()
        self.watch(seconds)
        after = process.cpu_times()
        busy = after.user + after.system - before.user - before.system
        return 100 * busy / seconds, self.bytes / seconds / 1000

    def close(self) -> None:
        """Quit the program."""
        os.write(self.descriptor, b"q")
        try:
            while os.read(self.descriptor, 2**16):
                pass
        except OSError:
            os.waitpid(self.pid, 0)


def stream(folder: Path, runs: int, seconds: float) -> None:
    """Write steps of several runs, as searches do."""
    with ExitStack() as held:
        sessions = []
        for seed in range(runs):
            run = create_run(
                folder, space="standard", method="entrannas-dst", seed=seed, name=f"stream-{seed}"
            )
            session = held.enter_context(RunSession(run, epochs=100, steps=100_000))
            session.begin_attempt(1)
            sessions.append(session)
        end = time.monotonic() + seconds
        step = 0
        while time.monotonic() < end:
            step += 1
            for session in sessions:
                loss = 1 / step
                session.write_step(
                    {"step": step, "epoch": 1 + step // 1000, "weight_loss": loss, "accuracy": 1 - loss}
                )
            time.sleep(1 / STEPS_PER_SECOND)
        for session in sessions:
            session.finish("completed")


def measure(folder: Path, streaming: int, seconds: float) -> dict[str, str]:
    """Return the results by name."""
    found = {}
    terminal = Terminal(["dashboard", "--runs-dir", str(folder)])
    terminal.watch(20, lambda: any("completed" in line for line in terminal.screen.display))
    found["first runs shown"] = f"{time.perf_counter() - terminal.began:.2f} s"
    terminal.watch(
        20, lambda: "reading" not in terminal.screen.display[0] and "runs" in terminal.screen.display[0]
    )
    found["all runs read"] = f"{time.perf_counter() - terminal.began:.2f} s"
    terminal.watch(SETTLING)
    found["memory"] = f"{psutil.Process(terminal.pid).memory_info().rss / 2**20:.0f} MiB"
    core, sent = terminal.load(seconds)
    found["idle"] = f"{core:.1f} % of a core, {sent:.2f} kB/s"
    writer = subprocess.Popen(
        [sys.executable, __file__, "--write", str(folder), "--streaming", str(streaming)]
    )
    terminal.watch(6)
    os.write(terminal.descriptor, b"g")
    core, sent = terminal.load(seconds)
    found[f"{streaming} runs stream"] = f"{core:.1f} % of a core, {sent:.2f} kB/s"
    delays = []
    for key in KEYS:
        delays.append(1000 * terminal.press(key))
        terminal.watch(0.03)
    delays.sort()
    found["key latency meanwhile"] = (
        f"{statistics.median(delays):.0f} ms, 95th percentile {delays[int(0.95 * len(delays))]:.0f} ms"
    )
    writer.terminate()
    writer.wait()
    terminal.close()
    return found


def main() -> None:
    """Measure the dashboard and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--streaming", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)  # the process that streams
    options = parser.parse_args()
    if options.write:
        stream(options.write, options.streaming, seconds=600)
        return
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["XDG_CONFIG_HOME"] = temporary
        folder = Path(temporary, "runs")
        make_runs(folder, options.runs)
        print(f"{options.runs} runs; Python {platform.python_version()}, {os.cpu_count()} processors")
        for what, figure in measure(folder, options.streaming, options.seconds).items():
            print(f"{what:<28}  {figure}")


if __name__ == "__main__":
    main()
