"""TOML that anybody may have written, read so that only one kind of error can come of it."""

from __future__ import annotations

from typing import Any

import tomli

__all__ = ["load_toml"]

LARGEST_NUMBER = 2**63  # TOML's own limit; far longer numbers can't even be printed


def load_toml(text: str) -> dict[str, Any]:
    """The content of a TOML document. Raises ``ValueError`` for whatever is wrong with it."""
    try:
        content = tomli.loads(text)
    except RecursionError as error:
        raise ValueError(str(error)) from None
    except tomli.TOMLDecodeError:
        raise
    except ValueError:  # Python reads no whole number of thousands of digits
        raise ValueError("it has a number that is too large") from None
    _check_numbers(content)
    return content


def _check_numbers(value: object) -> None:
    if isinstance(value, dict):
        for one in value.values():
            _check_numbers(one)
    elif isinstance(value, list):
        for one in value:
            _check_numbers(one)
    elif type(value) is int and not -LARGEST_NUMBER <= value < LARGEST_NUMBER:
        raise ValueError("it has a number that is too large")
