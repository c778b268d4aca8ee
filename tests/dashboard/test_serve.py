"""`entrannas dashboard --serve`: the real server, asked as a browser and as others would ask."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path

import aiohttp
import psutil
import pyte

from .driving import ended

COMMAND = [sys.executable, "-P", "-m", "entrannas_cli", "dashboard"]
PATIENCE = 60.0
BROWSER_LIKE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}


class Served:
    """The server's process, and the address that it printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.address = process.stdout.readline().strip()
        self.origin = "/".join(self.address.split("/")[:3])

    @property
    def dashboards(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """The exit code, and what was said on stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


@contextmanager
def serving(runs_dir: Path, *more: str) -> Iterator[Served]:
    process = subprocess.Popen(
        [*COMMAND, "--serve", "--port", "0", "--runs-dir", str(runs_dir), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Served(process)
    finally:
        process.kill()
        process.wait()


class Page:
    """What a page does: sends keys, shows what comes."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self._websocket = websocket
        self._screen = pyte.Screen(100, 30)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def shown(self) -> str:
        return "\n".join(self._screen.display)

    async def press(self, keys: str) -> None:
        await self._websocket.send_json(["stdin", keys])

    async def until(self, condition: Callable[[str], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition(self.shown):
            assert time.monotonic() < deadline, f"waited for {what}:\n{self.shown}"
            try:
                message = await self._websocket.receive(timeout=0.5)
            except TimeoutError:
                continue
            assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), self.shown
            if message.type == aiohttp.WSMsgType.BINARY:
                self._stream.feed(message.data)


def opened(
    served: Served, session: aiohttp.ClientSession
) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
    return session.ws_connect(
        f"{served.address}ws?width=100&height=30", headers={"Origin": served.origin}, max_msg_size=0
    )


async def eventually(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)


def test_a_page_shows_the_runs_and_changes_nothing(tmp_path: Path) -> None:
    runs_dir = tmp_path / 'it\'s a "folder" of $HOME; `ls` & more'
    run = ended(runs_dir, "shown")
    (Path.cwd() / "random.py").write_text("raise SystemExit('a file of the user')")

    async def scenario(served: Served) -> None:
        async with aiohttp.ClientSession() as session:
            async with session.get(served.address) as answer:
                page, policy = await answer.text(), answer.headers["Content-Security-Policy"]
                assert answer.status == 200
            assert set(re.findall(r"\w+://[^/\"']+", page)) == {served.origin.replace("http", "ws")}
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            for link in re.findall(r'(?:href|src)="(static/[^"]+)"', page):
                async with session.get(served.address + link) as answer:
                    assert answer.status == 200, link
            async with opened(served, session) as websocket:
                seen = Page(websocket)
                await seen.until(lambda text: "shown" in text and "completed" in text, "the run")
                await seen.until(lambda text: "read-only" in text, "what it may")
                await seen.press("D")
                await seen.press("?")
                await seen.until(lambda text: "Keys" in text, "the help")
                assert "Delete" not in seen.shown
            await eventually(lambda: not served.dashboards, "the dashboard's end with its page")

    with serving(runs_dir) as served:
        asyncio.run(scenario(served))
        code, said = served.end()
    assert code == 0
    assert "read-only" in said
    assert "Traceback" not in said
    assert run.path.is_dir()


def test_only_its_own_pages_are_answered(tmp_path: Path) -> None:
    ended(tmp_path / "runs", "secret")

    async def scenario(served: Served) -> None:
        host = served.origin.removeprefix("http://")
        port = host.rpartition(":")[2]
        refused = [
            ("", {"Host": "evil.example"}),
            ("", {"Host": f"evil.example:{port}"}),
            ("", {"Host": f"127.0.0.1.evil.example:{port}"}),
            ("", {"Origin": "http://evil.example"}),
            ("static/js/textual.js", {"Origin": "null"}),
            ("ws", {}),  # every browser names the page's origin
            ("ws", {"Origin": "http://evil.example"}),
            ("ws", {"Origin": "null"}),
            ("ws", {"Origin": "http://localhost:1"}),  # another server of this machine
            ("ws", {"Origin": f"http://evil.example:{port}", "Host": f"evil.example:{port}"}),
        ]
        key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        async with aiohttp.ClientSession() as session:
            for path, headers in refused:
                more = BROWSER_LIKE | key if path == "ws" else {}
                async with session.get(served.address + path, headers=more | headers) as answer:
                    assert answer.status == 403, (path, headers)
                    assert "refused" in await answer.text()
            # another user of this machine knows the port at most
            for path in ("/", "/ws", "/download/1", "/static/js/textual.js", "/guessed/", "/guessed/ws"):
                more = BROWSER_LIKE | key | {"Origin": served.origin} if path.endswith("ws") else {}
                async with session.get(served.origin + path, headers=more) as answer:
                    assert answer.status == 404, path
                    assert "full address" in await answer.text()
            async with session.get(f"{served.address}download/1") as answer:
                assert answer.status == 404
            assert served.dashboards == [], "nothing was started for them"
            # what ssh forwards comes with another port
            forwarded = {"Host": "localhost:9999", "Origin": "http://localhost:9999"}
            async with session.get(served.address, headers=forwarded) as answer:
                assert "ws://localhost:9999/" in await answer.text()

    with serving(tmp_path / "runs") as served:
        asyncio.run(scenario(served))


def test_writable_it_does_what_the_terminal_does_and_ends_with_its_pages_open(tmp_path: Path) -> None:
    run = ended(tmp_path / "runs", "gone")

    async def scenario(served: Served) -> None:
        async with aiohttp.ClientSession() as session, opened(served, session) as websocket:
            seen = Page(websocket)
            await seen.until(lambda text: "gone" in text and "completed" in text, "the run")
            await seen.press("D")
            await seen.until(lambda text: "This cannot be undone" in text, "the question")
            await seen.press("y")
            await eventually(lambda: not run.path.exists(), "the deletion")
            (dashboard,) = served.dashboards
            code, _ = await asyncio.to_thread(served.end)
            assert code == 0
            assert not dashboard.is_running()

    with serving(tmp_path / "runs", "--writable") as served:
        asyncio.run(scenario(served))


def test_no_dashboard_outlives_a_server_that_was_killed(tmp_path: Path) -> None:
    ended(tmp_path / "runs", "one")

    async def scenario(served: Served) -> None:
        async with aiohttp.ClientSession() as session, opened(served, session) as websocket:
            await Page(websocket).until(lambda text: "completed" in text, "the run")
            (dashboard,) = served.dashboards
            served.end(signal.SIGKILL)
            await eventually(
                lambda: not dashboard.is_running() or dashboard.status() == psutil.STATUS_ZOMBIE, "its end"
            )

    with serving(tmp_path / "runs") as served:
        asyncio.run(scenario(served))


def test_a_port_that_is_taken_is_said_in_a_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, "--serve", "--port", port], capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(rf"entrannas: port {port} is unavailable: .*in use.*\n", done.stderr)
    alone = subprocess.run([*COMMAND, "--port", "1"], capture_output=True, text=True, timeout=60)
    assert (alone.returncode, alone.stderr) == (
        2,
        "entrannas: --port needs --serve: add it, or leave --port out\n",
    )
