"""Ticks of an axis: round numbers, with short labels that differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Tick", "label", "ticks"]

_Writer = Callable[[float, int | None], str]  # (value, last digit's exponent) -> text, or empty
_UNITS = ((12, "T"), (9, "G"), (6, "M"), (3, "k"))


@dataclass(frozen=True)
class Tick:
    """A position on an axis and its label."""

    value: float
    label: str


def ticks(
    low: float,
    high: float,
    most: int,
    room: int,
    *,
    log: bool = False,
    percent: bool = False,
    whole: bool = False,
) -> list[Tick]:
    """Return at most ``most`` ticks from ``low`` to ``high``, with distinct labels of at most ``room`` columns.

    With ``whole``, only whole numbers (steps, epochs). If labels would be too long or alike, there are fewer ticks;
    in the end only the lower end, as exact as fits, or none.
    """
    for count in range(max(most, 0), 0, -1):
        chosen = _log_values(low, high, count) if log else _values(low, high, count, whole, percent)
        labels = _labels(chosen.values, chosen.exponent, room, percent)
        if labels:
            return [Tick(value, text) for value, text in zip(chosen.values, labels, strict=True)]
    text = label(low, room, percent=percent) if most > 0 else ""
    return [Tick(low, text)] if text else []


@dataclass(frozen=True)
class _TickValues:
    values: Sequence[float]
    exponent: int | None  # of the last digit needed to tell the values apart; None: each value has its own


def _values(low: float, high: float, max_ticks: int, whole: bool, percent: bool) -> _TickValues:
    if not high > low:
        return _TickValues([low], None)
    scale = 100.0 if percent else 1.0
    low, high = low * scale, high * scale
    exponent = math.floor(math.log10(max((high - low) / max_ticks, 1e-300)))
    for power in range(exponent, exponent + 4):
        if whole and power < 0:
            continue
        for factor in (1, 2, 5):
            step = factor * 10.0**power
            # with a tolerance, so that an end of the axis that is a round number has its tick
            first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
            if last - first < max_ticks:
                exact = 10**-power if power < 0 else 0
                values = [(n * factor / exact if exact else n * step) / scale for n in range(first, last + 1)]
                return _TickValues(values, power)
    return _TickValues([], 0)


def _log_values(low: float, high: float, max_ticks: int) -> _TickValues:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    decades = last - first + 1
    if decades >= 2:
        stride = -(-decades // max_ticks)
        values = [_power(n) for n in range(first, last + 1) if n % stride == 0]
        between = [m * _power(n) for n in range(first - 1, last + 1) for m in (1, 2, 5)]
        finer = [value for value in between if low <= value <= high]
        return _TickValues(finer if len(finer) <= max_ticks else values, None)
    # less than a decade: round numbers, as on a linear axis
    return _values(low, high, max_ticks, False, False)


def _power(exponent: int) -> float:
    return float(f"1e{exponent}")


def _labels(values: Sequence[float], exponent: int | None, room: int, percent: bool) -> list[str] | None:
    """Return labels in the first notation that suits all values; None if none does."""
    if percent:
        values, room = [100 * value for value in values], room - 1
    largest = max((abs(value) for value in values), default=0.0)
    smallest = min((abs(value) for value in values if value), default=1.0)
    order: tuple[_Writer, ...]
    if exponent is None:
        order = (_fixed_or_scientific, _fixed, _prefixed, _scientific)
    elif largest >= 1e15 or smallest < 1e-4:
        order = (_scientific, _prefixed, _fixed)
    elif largest >= 10_000:
        order = (_prefixed, _fixed, _scientific)
    else:
        order = (_fixed, _prefixed, _scientific)
    for write in order:
        texts = [write(value, exponent) if value else "0" for value in values]
        if len(set(texts)) == len(texts) and all(0 < len(text) <= room for text in texts):
            return [text + "%" * percent for text in texts]
    return None


def _fixed_or_scientific(value: float, exponent: int | None) -> str:
    """Choose the notation for this value alone: on a logarithmic axis, 1e-4 stands beside 0.001."""
    size = abs(value)
    if 1e-3 <= size < 1e15:
        return _fixed(value, exponent) if size < 10_000 else _prefixed(value, exponent)
    return _scientific(value, exponent)


def label(value: float, room: int, *, percent: bool = False) -> str:
    """Return ``value`` in at most ``room`` columns, as exact as fits; empty if nothing does."""
    written = _labels([value], None, room, percent)
    if written is not None:
        return written[0]
    scaled = 100 * value if percent else value
    size = math.floor(math.log10(abs(scaled))) if scaled else 0
    for digits in range(5, -1, -1):
        written = _labels([value], size - digits, room, percent)
        if written is not None:
            return written[0]
    return ""


def _fixed(value: float, exponent: int | None) -> str:
    if abs(value) >= 1e15:
        return ""
    if exponent is None:
        return _short(value, 0)
    text = f"{value:.{max(-exponent, 0)}f}"
    return text if text.strip("-0.") else text.lstrip("-")


def _prefixed(value: float, exponent: int | None) -> str:
    for power, unit in _UNITS:
        if 10.0**power <= abs(value) < 1e15:
            scaled = value / 10.0**power
            if exponent is None:
                return _short(value, power) + unit
            return f"{scaled:.{max(power - exponent, 0)}f}{unit}"
    return _fixed(value, exponent)


def _scientific(value: float, exponent: int | None) -> str:
    if exponent is None:
        mantissa, _, power = f"{value:.6e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
    else:
        size = math.floor(math.log10(abs(value)))
        mantissa, _, power = f"{value:.{min(max(size - exponent, 0), 16)}e}".partition("e")
    return f"{mantissa}e{int(power)}"


def _short(value: float, power: int) -> str:
    """Return ``value`` / 10**``power`` in at most nine digits, without trailing zeros."""
    text = f"{value / 10.0**power:.9g}"
    return text if "e" not in text else ""
