"""`entrannas dashboard --serve`: the real server, as seen by browsers and by others."""

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

from .driver import ended_run

COMMAND = [sys.executable, "-P", "-m", "entrannas_cli", "dashboard"]
PATIENCE = 60.0
BROWSER_LIKE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}


class Server:
    """The server process and the address that it printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.address = process.stdout.readline().strip()
        self.origin = "/".join(self.address.split("/")[:3])

    @property
    def dashboards(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Stop the server; return its exit code and stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


@contextmanager
def serve(runs_dir: Path, *more: str) -> Iterator[Server]:
    process = subprocess.Popen(
        [*COMMAND, "--serve", "--port", "0", "--runs-dir", str(runs_dir), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Server(process)
    finally:
        process.kill()
        process.wait()


class Page:
    """A page in a browser: sends keys and shows the output."""

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


def open_page(
    served: Server, session: aiohttp.ClientSession
) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
    return session.ws_connect(
        f"{served.address}ws?width=100&height=30", headers={"Origin": served.origin}, max_msg_size=0
    )


async def eventually(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)


def test_page_shows_the_runs_and_is_readonly(tmp_path: Path) -> None:
    runs_dir = tmp_path / 'it\'s a "folder" of $HOME; `ls` & more'
    run = ended_run(runs_dir, "shown")
    (Path.cwd() / "random.py").write_text("raise SystemExit('a file of the user')")

    async def scenario(served: Server) -> None:
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
            async with open_page(served, session) as websocket:
                seen = Page(websocket)
                await seen.until(lambda text: "shown" in text and "completed" in text, "the run")
                await seen.until(lambda text: "read-only" in text, "what it may")
                await seen.press("D")
                await seen.press("?")
                await seen.until(lambda text: "Keys" in text, "the help")
                assert "Delete" not in seen.shown
            await eventually(lambda: not served.dashboards, "the dashboard's end with its page")

    with serve(runs_dir) as served:
        asyncio.run(scenario(served))
        code, said = served.end()
    assert code == 0
    assert "read-only" in said
    assert "Traceback" not in said
    assert run.path.is_dir()


def test_only_requests_from_its_own_page_are_answered(tmp_path: Path) -> None:
    ended_run(tmp_path / "runs", "secret")

    async def scenario(served: Server) -> None:
        host = served.origin.removeprefix("http://")
        port = host.rpartition(":")[2]
        refused = [
            ("", {"Host": "evil.example"}),
            ("", {"Host": f"evil.example:{port}"}),
            ("", {"Host": f"127.0.0.1.evil.example:{port}"}),
            ("", {"Origin": "http://evil.example"}),
            ("static/js/textual.js", {"Origin": "null"}),
            ("ws", {}),  # browsers always send the origin of the page
            ("ws", {"Origin": "http://evil.example"}),
            ("ws", {"Origin": "null"}),
            ("ws", {"Origin": "http://localhost:1"}),  # another server on this machine
            ("ws", {"Origin": f"http://evil.example:{port}", "Host": f"evil.example:{port}"}),
        ]
        key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        async with aiohttp.ClientSession() as session:
            for path, headers in refused:
                more = BROWSER_LIKE | key if path == "ws" else {}
                async with session.get(served.address + path, headers=more | headers) as answer:
                    assert answer.status == 403, (path, headers)
                    assert "refused" in await answer.text()
            # another user of this machine knows only the port
            for path in ("/", "/ws", "/download/1", "/static/js/textual.js", "/guessed/", "/guessed/ws"):
                more = BROWSER_LIKE | key | {"Origin": served.origin} if path.endswith("ws") else {}
                async with session.get(served.origin + path, headers=more) as answer:
                    assert answer.status == 404, path
                    assert "full address" in await answer.text()
            async with session.get(f"{served.address}download/1") as answer:
                assert answer.status == 404
            assert served.dashboards == [], "nothing was started for them"
            # ssh forwarding changes the port
            forwarded = {"Host": "localhost:9999", "Origin": "http://localhost:9999"}
            async with session.get(served.address, headers=forwarded) as answer:
                assert "ws://localhost:9999/" in await answer.text()

    with serve(tmp_path / "runs") as served:
        asyncio.run(scenario(served))


def test_writable_server_allows_actions_and_ends_with_open_pages(tmp_path: Path) -> None:
    run = ended_run(tmp_path / "runs", "gone")

    async def scenario(served: Server) -> None:
        async with aiohttp.ClientSession() as session, open_page(served, session) as websocket:
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

    with serve(tmp_path / "runs", "--writable") as served:
        asyncio.run(scenario(served))


def test_dashboards_end_when_the_server_is_killed(tmp_path: Path) -> None:
    ended_run(tmp_path / "runs", "one")

    async def scenario(served: Server) -> None:
        async with aiohttp.ClientSession() as session, open_page(served, session) as websocket:
            await Page(websocket).until(lambda text: "completed" in text, "the run")
            (dashboard,) = served.dashboards
            served.end(signal.SIGKILL)
            await eventually(
                lambda: not dashboard.is_running() or dashboard.status() == psutil.STATUS_ZOMBIE, "its end"
            )

    with serve(tmp_path / "runs") as served:
        asyncio.run(scenario(served))


def test_port_in_use_is_a_one_line_error() -> None:
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
