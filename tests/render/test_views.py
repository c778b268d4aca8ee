"""The plain view, and which view is chosen."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import pytest

from entrannas_cli.render.live import LiveView
from entrannas_cli.render.views import PlainView, QuietView, make_view

from .fake_search import ID, WARNING, epoch_row, feed, started_facts


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_one_line_per_epoch() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    feed(view, 3)
    view.message("warning", WARNING)
    lines = stream.getvalue().splitlines()
    assert lines[0] == (
        f"search {ID}: entrannas-dst, standard space, digits, CPU (2 threads), 3 epochs of 6 steps"
    )
    assert lines.count(f"warning: {WARNING}") == 1
    epochs = [line for line in lines if line.startswith("epoch")]
    assert len(epochs) == 3
    assert re.fullmatch(
        r"epoch 1/3  loss 1\.181  arch\. 1\.232  train acc\. 36\.7 %  "
        r"super-net acc\. 60\.2 %  derived acc\. 58\.8 %  gap 1\.4 %  "
        r"sparsity n 30 % r 27 %  12 s  eta \d\.\d s",
        epochs[0],
    )
    assert "eta" not in epochs[2]
    assert re.match(r"search completed after epoch 3, step 18, in ", lines[-1])


def test_missing_values_are_omitted() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    view.started(started_facts(epochs=120, attempt=3, step=12))
    view.epoch(
        {
            "epoch": 7,
            "weight_loss": 1.0,
            "architecture_loss": None,
            "gap": float("nan"),
            "sparsity_normal": 0.5,
        }
    )
    first, second = stream.getvalue().splitlines()
    assert first.endswith("120 epochs of 6 steps, resuming after step 12 (attempt 3)")
    assert second == "epoch   7/120  loss 1.000  sparsity n 50 %"


def test_text_from_files_is_escaped() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    view.started(started_facts(id="a\x1b[2Jb", what=("x\ny",)))
    view.message("info", "\x1b]0;owned\x07")
    assert len(stream.getvalue().splitlines()) == 2
    assert not {"\x1b", "\x07"} & set(stream.getvalue())


def test_closed_stream_does_not_end_a_search() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    feed(PlainView(Gone()), 2)
    closed = io.StringIO()
    closed.close()
    feed(PlainView(closed), 2)


def test_ascii_stream_gets_ascii() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    view = PlainView(stream)
    view.started(started_facts(what=("Gerät",)))
    view.epoch(epoch_row(6, 30))
    stream.flush()
    assert b"Ger?t" in raw.getvalue()


def test_view_is_chosen_for_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    assert isinstance(make_view(Terminal()), LiveView)
    assert isinstance(make_view(io.StringIO()), PlainView)
    assert isinstance(make_view(Terminal(), quiet=True), QuietView)
    for name, value in (("TERM", "dumb"), ("TERM", "")):
        with monkeypatch.context() as context:
            context.setenv(name, value)
            assert isinstance(make_view(Terminal()), PlainView), (name, value)


def test_piped_output_is_plain_without_escapes() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tests.render.fake_search", "2", "0", "completed"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"FORCE_COLOR": "1"},
        cwd=os.path.dirname(os.path.dirname(os.path.dirname(__file__))),  # noqa: PTH120
    )
    assert result.stdout == ""
    assert "\x1b" not in result.stderr
    assert sum(line.startswith("epoch") for line in result.stderr.splitlines()) == 2
