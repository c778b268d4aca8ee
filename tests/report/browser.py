"""A real headless browser: the page it shows and the errors it logs."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


@dataclass(frozen=True)
class RenderedPage:
    dom: str
    complaints: list[str]


def render_page(page: Path, *flags: str, width: int = 1280) -> RenderedPage:
    """Return the document after its scripts ran, and the console messages."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        result = subprocess.run(
            [
                str(CHROMIUM),
                *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic"),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
                *("--enable-logging=stderr", f"--user-data-dir={profile}", f"--window-size={width},800"),
                *flags,
                "--dump-dom",
                page.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    return RenderedPage(result.stdout, [line for line in result.stderr.splitlines() if "CONSOLE" in line])
