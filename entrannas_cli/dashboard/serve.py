"""``entrannas dashboard --serve``: the dashboard in a browser of this machine, by means of textual-serve.

Whoever reaches the server could drive the dashboard: other users of the machine, and pages of other sites that the
same browser shows. So its address has a secret in it, and only requests of its own pages are answered. It serves no
downloads, and its page asks nothing of other hosts.
"""

from __future__ import annotations

import asyncio
import errno
import html
import re
import secrets
import shlex
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from string import Template

import psutil
from aiohttp import web
from aiohttp.typedefs import Handler
from textual_serve.server import Server

from ..common.errors import UsageError
from ..common.files import reason_of
from ..engine.detach import this_program

__all__ = ["DashboardServer", "serve"]

HOST = "127.0.0.1"
LOCAL = frozenset((HOST, "localhost", "[::1]"))  # by any port: ssh may forward another one
FIRST_PORT, PORTS = 8020, 50  # those tried where none is named
SHUTDOWN_TIMEOUT_S = 1.5  # seconds that dashboards and pages get to end
PAGE = Path(__file__).with_name("page.html")
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self' {websocket}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class DashboardServer(Server):
    """Starts a dashboard on ``runs_dir`` for each page that is opened, and ends it with the page."""

    def __init__(self, runs_dir: Path, *, readonly: bool, port: int) -> None:
        command = [*this_program("entrannas_cli.dashboard.served"), str(runs_dir)]
        command += ["--readonly"] * readonly
        # it is given to a shell, which makes way for the program
        super().__init__(f"exec {shlex.join(command)}", host=HOST, port=port, title="entrannas")
        self._secret = secrets.token_urlsafe(16)
        self._sessions: set[asyncio.Task[object]] = set()

    @property
    def address(self) -> str:
        """What to open."""
        return f"http://{HOST}:{self.port}/{self._secret}/"

    def application(self) -> web.Application:
        """The page, what it needs, and the websocket through which it is driven; nothing else."""
        application = web.Application(middlewares=[_own_requests_only])
        root = f"/{self._secret}/"
        application.add_routes(
            [
                web.get(root, self._page),
                web.get(f"{root}ws", self._session),
                web.static(f"{root}static", self.statics_path),
            ]
        )
        application.on_response_prepare.append(_add_headers)
        return application

    async def _page(self, request: web.Request) -> web.Response:
        websocket = f"ws://{request.host}/{self._secret}/ws"
        nonce = secrets.token_urlsafe(16)
        page = Template(PAGE.read_text("utf-8"))
        text = page.substitute(websocket=html.escape(websocket), nonce=nonce)
        policy = POLICY.format(websocket=f"ws://{request.host}", nonce=nonce)
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": policy})

    async def _session(self, request: web.Request) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        try:
            return await self.handle_websocket(request)
        finally:
            self._sessions.discard(task)

    async def end_sessions(self) -> None:
        """Ends all dashboards; those that don't by themselves are killed. The runs that they started go on."""
        for _ in range(2):  # the second time it doesn't wait for a page that doesn't answer
            if waiting := set(self._sessions):
                for task in waiting:
                    task.cancel()
                await asyncio.wait(waiting, timeout=SHUTDOWN_TIMEOUT_S)
        for child in psutil.Process().children():
            child.kill()


@web.middleware
async def _own_requests_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses what pages of other sites ask for: by a name that leads here (DNS rebinding), or straight."""
    host = request.headers.get("Host", "").lower()
    origin = request.headers.get("Origin", "").lower()
    asks_websocket = "Upgrade" in request.headers
    if re.sub(r":\d*$", "", host) not in LOCAL:
        return web.Response(status=403, text="refused: it is asked for by another name than 127.0.0.1\n")
    if (origin or asks_websocket) and origin != f"http://{host}":  # browsers send it with every websocket
        return web.Response(status=403, text="refused: a page of another site asks for it\n")
    try:
        return await handler(request)
    except web.HTTPNotFound:
        text = "not here: open the whole address that `entrannas dashboard --serve` printed\n"
        return web.Response(status=404, text=text)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def serve(
    runs_dir: Path, *, readonly: bool, port: int | None = None, ready: Callable[[str], object] = print
) -> None:
    """Serves until the process is interrupted or asked to end. ``ready`` is called with the address to open.

    Without a ``port`` a free one is taken. Raises ``UsageError`` if ``port`` can't be had.
    """
    with _listening(port) as listening:
        server = DashboardServer(runs_dir, readonly=readonly, port=listening.getsockname()[1])
        asyncio.run(_serve(server, listening, ready))


async def _serve(server: DashboardServer, listening: socket.socket, ready: Callable[[str], object]) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        ready(server.address)
        await ended.wait()
    finally:
        await server.end_sessions()
        await runner.cleanup()


def _listening(port: int | None) -> socket.socket:
    """A socket on ``port``, or on the first one that is free."""
    candidates = range(FIRST_PORT, FIRST_PORT + PORTS) if port is None else (port,)
    for candidate in candidates:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, candidate))
            listening.listen()
        except OSError as error:
            listening.close()
            if port is None and error.errno == errno.EADDRINUSE:
                continue
            raise UsageError(
                f"port {candidate}: can't be had: {reason_of(error)}; name another one, "
                "or leave --port away: a free one is taken"
            ) from None
        return listening
    raise UsageError(f"no port from {FIRST_PORT} to {candidates[-1]} is free: name one with --port")
