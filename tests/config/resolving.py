"""Resolving in tests: on a machine where `auto` means `quick`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from entrannas_cli.config.resolve import Resolved, resolve_search
from entrannas_cli.errors import UsageError


def resolve(flags: dict[str, object] | None = None, *overrides: str, **options: Any) -> Resolved:
    options.setdefault("choose_preset", lambda explicit: ("quick", "no CUDA device"))
    options.setdefault("environ", dict(os.environ))
    return resolve_search(
        flags=flags or {}, overrides=overrides, cwd=options.pop("cwd", Path.cwd()), **options
    )


def errors(flags: dict[str, object] | None = None, *overrides: str, **options: Any) -> list[str]:
    """What is wrong, a line an error."""
    with pytest.raises(UsageError) as caught:
        resolve(flags, *overrides, **options)
    return list(caught.value.details) or [caught.value.message]
