"""Damaged files never crash, hang or escape a command: the attack of ``fuzz``, in small."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..isolation import build_once
from .fuzz import attack, faults, make_originals

CASES = 300


def test_damaged_files_are_reported_and_nothing_else_happens(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    originals = build_once(tmp_path_factory, "fuzzed", lambda: make_originals(Path.cwd()))
    figures = attack(originals, CASES)
    assert not figures.failures, "\n".join(figures.failures)
    assert figures.cases == CASES
    assert figures.dashboards
    assert {0, 1, 2} >= set(figures.exit_codes) >= {0, 2}


@pytest.mark.parametrize(
    ("line", "out", "err", "found"),
    [
        ("runs list", "a\x1b]0;owned\x07", "", "stdout has"),
        ("runs list", "", "a\u202eb", "stderr has"),
        ("runs list", "", "entrannas: internal error: KeyError: 1", "internal error"),
        ("runs list", "the-secret-outside", "", "what a link out of the run leads to"),
        ("runs list --json", '{"gap": NaN}', "", "NaN in JSON"),
        ("compare", "run,gap\n=HYPERLINK(1),-2\n", "", "CSV has '=HYPERLINK"),
        ("compare --format latex", "\\input{/etc/passwd}", "", "LaTeX has"),
        ("compare --format markdown", "| <script>", "", "Markdown has"),
    ],
)
def test_faults_in_the_output_are_seen(line: str, out: str, err: str, found: str) -> None:
    Path("out").mkdir()
    (fault,) = faults(line, out, err, 0, live=False)
    assert found in fault


def test_faults_in_pictures_and_pages_are_seen() -> None:
    Path("out").mkdir()
    Path("out/a.svg").write_text("<svg><script>alert(1)</script></svg>")
    Path("out/b.html").write_text("<script>ours</script><img src=x onerror=alert(1)>")
    assert sorted(faults("report", "", "", 0, live=False)) == ["a.svg: a script", "b.html: <img"]
