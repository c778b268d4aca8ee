"""Resolve configurations in tests, on a machine where `auto` means `quick`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from entrannas_cli.common.errors import UsageError
from entrannas_cli.config.resolve import ConfigRequest, Resolved, resolve_search, resolve_train


def request(flags: dict[str, object] | None = None, *overrides: str, **options: Any) -> ConfigRequest:
    options.setdefault("choose_preset", lambda explicit: ("quick", "no CUDA device"))
    options.setdefault("environ", dict(os.environ))
    options.setdefault("cwd", Path.cwd())
    return ConfigRequest(flags=flags or {}, overrides=overrides, **options)


def resolve(flags: dict[str, object] | None = None, *overrides: str, **options: Any) -> Resolved[Any]:
    return resolve_search(request(flags, *overrides, **options))


def resolve_training(
    flags: dict[str, object] | None = None, *overrides: str, **options: Any
) -> Resolved[Any]:
    return resolve_train(request(flags, *overrides, **options))


def errors(flags: dict[str, object] | None = None, *overrides: str, **options: Any) -> list[str]:
    """Return the errors of a configuration, one per line."""
    with pytest.raises(UsageError) as caught:
        resolve(flags, *overrides, **options)
    return list(caught.value.details) or [caught.value.message]
