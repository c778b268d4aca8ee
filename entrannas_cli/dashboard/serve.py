"""``entrannas dashboard --serve``: the dashboard in a local browser, through textual-serve.

Anyone who reaches the server could control the dashboard: other users of the machine, and pages of other sites in
the same browser. So its address contains a secret, and only requests from its own pages are answered. It offers no
downloads, and its page loads nothing from other hosts.
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
LOCAL = frozenset((HOST, "localhost", "[::1]"))  # on any port: ssh may forward another one
FIRST_PORT, PORTS = 8020, 50  # tried if no port is given
SHUTDOWN_TIMEOUT_S = 1.5  # seconds for dashboards and pages to end
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
    """Starts a dashboard of ``runs_dir`` for each page that is opened, and ends it with the page."""

    def __init__(self, runs_dir: Path, *, readonly: bool, port: int) -> None:
        command = [*this_program("entrannas_cli.dashboard.served"), str(runs_dir)]
        command += ["--readonly"] * readonly
        # run by a shell, so exec replaces it with the program
        super().__init__(f"exec {shlex.join(command)}", host=HOST, port=port, title="entrannas")
        self._secret = secrets.token_urlsafe(16)
        self._sessions: set[asyncio.Task[object]] = set()

    @property
    def address(self) -> str:
        """The URL to open."""
        return f"http://{HOST}:{self.port}/{self._secret}/"

    def application(self) -> web.Application:
        """Return an application that serves the page, its static files and its websocket, and nothing else."""
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
        """End all dashboards; kill those that don't end by themselves. Runs they started keep running."""
        for _ in range(2):  # the second cancel doesn't wait for a page that doesn't answer
            if waiting := set(self._sessions):
                for task in waiting:
                    task.cancel()
                await asyncio.wait(waiting, timeout=SHUTDOWN_TIMEOUT_S)
        for child in psutil.Process().children():
            child.kill()


@web.middleware
async def _own_requests_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests from pages of other sites, made directly or through DNS rebinding."""
    host = request.headers.get("Host", "").lower()
    origin = request.headers.get("Origin", "").lower()
    asks_websocket = "Upgrade" in request.headers
    if re.sub(r":\d*$", "", host) not in LOCAL:
        return web.Response(status=403, text="refused: unknown host name; use 127.0.0.1\n")
    if (origin or asks_websocket) and origin != f"http://{host}":  # browsers send it with every websocket
        return web.Response(status=403, text="refused: the request comes from a page of another site\n")
    try:
        return await handler(request)
    except web.HTTPNotFound:
        text = "not found: open the full address that `entrannas dashboard --serve` printed\n"
        return web.Response(status=404, text=text)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def serve(
    runs_dir: Path, *, readonly: bool, port: int | None = None, ready: Callable[[str], object] = print
) -> None:
    """Serve until interrupted or terminated. Calls ``ready`` with the address to open.

    Without a ``port`` a free one is used. Raises ``UsageError`` if ``port`` is unavailable.
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
    """Return a socket that listens on ``port``, or on the first free port."""
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
                f"port {candidate} is unavailable: {reason_of(error)}; choose another one, "
                "or omit --port to use a free one"
            ) from None
        return listening
    raise UsageError(f"no port from {FIRST_PORT} to {candidates[-1]} is free: choose one with --port")
