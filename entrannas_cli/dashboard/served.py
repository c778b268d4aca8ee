"""The dashboard behind a page: a process that the server starts, and that ends with it.

``python -m entrannas_cli.dashboard.served RUNS_DIR [--readonly]``, with pipes to the server.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from textual.drivers.web_driver import WebDriver
from textual.messages import ExitApp

from .app import Dashboard

__all__ = ["ServedDriver", "main"]


class ServedDriver(WebDriver):
    """Ends the app when the server is gone, however that ended."""

    def start_application_mode(self) -> None:
        """Start reading what the page sends."""
        self._running_loop = asyncio.get_running_loop()
        super().start_application_mode()

    def run_input_thread(self) -> None:
        """Read the input to its end, which is the end of the server, then exit the app."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno)  # nobody reads further output
            self._running_loop.call_soon_threadsafe(self._app.post_message, ExitApp())


def main(arguments: list[str]) -> int:
    """Run the dashboard and return its exit code."""
    runs_dir, *options = arguments
    app = Dashboard(Path(runs_dir), readonly="--readonly" in options)
    app.driver_class = ServedDriver
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
