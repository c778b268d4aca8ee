"""Strategies for points as a metrics file may hold them, and worse."""

from __future__ import annotations

from hypothesis import strategies as st

ANY = st.floats(allow_nan=True, allow_infinity=True)
TAME = st.floats(-1e6, 1e6)
POINTS = st.lists(st.tuples(st.integers(0, 400).map(float), TAME), max_size=300).map(
    lambda points: sorted(points, key=lambda point: point[0])
)
WILD = st.lists(st.tuples(ANY, ANY), max_size=40)


def unzip(points: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
