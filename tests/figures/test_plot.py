"""`entrannas plot` end to end."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import warnings
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from entrannas_cli.figures.curves_figure import curves_figure, curves_image, parse_size, time_unit
from entrannas_cli.figures.gather_curves import Curves, gather
from entrannas_cli.figures.metric_series import Band
from entrannas_cli.figures.plotted_metrics import parse_metrics
from entrannas_cli.figures.style import plot_style
from entrannas_cli.store.create import create_run
from entrannas_cli.store.find_run import list_runs
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession

from ..cli.test_app import HEAVY, modules_after
from ..commands import Call
from .runs import make_search, write_rows


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "work" / "runs"
    for seed in range(2):
        make_search(folder, seed, loss=2.0 + seed)
    make_search(folder, 2, method="darts", epochs=2)
    return folder


def texts(picture: Path) -> list[str]:
    root = ElementTree.parse(picture).getroot()
    return ["".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_every_format_is_written(call: Call, runs: Path) -> None:
    for name, magic in (("a.svg", b"<?xml"), ("a.png", b"\x89PNG"), ("a.PDF", b"%PDF")):
        result = call("plot", "runs", "--output", name)
        assert (result.code, result.out, result.err) == (0, f"{name}\n", "")
        assert Path(name).read_bytes().startswith(magic)
    with Image.open("a.png") as image:
        assert image.width > 1000
    shown = texts(Path("a.svg"))
    for label in ("loss (nats)", "sparsity (%)", "consistency gap (%)", "step", "standard-darts-s2"):
        assert label in shown
    assert not list(Path.cwd().glob(".*"))


def test_same_runs_give_the_same_bytes(call: Call, runs: Path) -> None:
    command = ["plot", "runs", "--metric", "loss,gap", "--smooth", "3", "--group-by", "method"]
    for name in ("a.svg", "a.pdf", "b.pdf"):
        call(*command, "-o", name)
    Path("matplotlibrc").write_text("lines.linewidth: 9\nsvg.fonttype: path\n")
    subprocess.run(
        [sys.executable, "-m", "entrannas_cli", *command, "-o", "b.svg"],
        env={**os.environ, "PYTHONHASHSEED": "5"},
        check=True,
        capture_output=True,
    )
    for ending in ("svg", "pdf"):
        first, second = (hashlib.sha256(Path(f"{name}.{ending}").read_bytes()).digest() for name in "ab")
        assert first == second


def line_values(curves: Curves, **options: bool) -> list[list[list[float]]]:
    """Return the y values of each line, per panel."""
    with plot_style():
        figure = curves_figure(curves.panels, **options)  # type: ignore[arg-type]
    return [
        [np.asarray(line.get_ydata(), float).tolist() for line in axes.get_lines()] for axes in figure.axes
    ]


def test_each_run_is_a_line_with_its_values(runs: Path) -> None:
    found = list(reversed(list_runs(runs)))
    curves = gather(found, parse_metrics(["loss,gap"]))
    assert [line.label for line in curves.panels[0].lines] == [
        "standard-entrannas-dst-s0",
        "standard-entrannas-dst-s1",
        "standard-darts-s2",
    ]
    losses, gaps = line_values(curves)
    assert losses[1] == pytest.approx([3.0 / step for step in range(1, 13)])
    assert gaps[2] == pytest.approx([5.0, 0.0])
    assert curves.notes == []
    (with_raw,) = line_values(gather(found, parse_metrics(["loss"]), smooth=3))
    assert len(with_raw) == 6
    assert with_raw[0] == losses[0]
    assert with_raw[1][1] == pytest.approx(sum(losses[0][:3]) / 3)


def test_groups_are_means_with_bands(runs: Path) -> None:
    found = list(reversed(list_runs(runs)))
    curves = gather(found, parse_metrics(["loss"]), groups=["dst", "dst", "darts"])
    dst, darts = curves.panels[0].lines
    assert (dst.label, darts.label) == ("dst (2 runs)", "darts (1 run)")
    assert isinstance(dst.course, Band)
    assert dst.course.mean.tolist() == pytest.approx([2.5 / step for step in range(1, 13)])
    assert dst.course.deviation[0] == pytest.approx(0.5**0.5)
    mixed = gather(found, parse_metrics(["loss"]), groups=["all"] * 3)
    assert mixed.panels[0].lines[0].course.x[-1] == 8
    assert mixed.notes == ["all (3 runs): loss ends with its shortest run, standard-darts-s2"]


def test_group_by_accepts_the_keys_of_compare(call: Call, runs: Path) -> None:
    assert call("plot", "runs", "-g", "method,data.dataset,seed", "-m", "loss", "-o", "a.svg").code == 0
    assert "entrannas-dst, digits, seed 1 (1 run)" in texts(Path("a.svg"))
    trained = create_run(runs, kind="train", space="standard", method="darts", seed=0)
    with RunSession(trained, epochs=1, steps=1) as session:
        session.begin_attempt(1)
        session.write_step({"step": 1, "epoch": 1, "weight_loss": 1.0})
        session.finish("completed")
    assert call("plot", "runs", "-g", "method", "-m", "loss", "-o", "a.svg").code == 0
    assert {"darts, search (1 run)", "darts, train (1 run)", "entrannas-dst (2 runs)"} <= set(
        texts(Path("a.svg"))
    )
    wrong = call("plot", "runs", "-g", "methd", "-o", "b.svg")
    assert wrong.code == 2
    assert "did you mean method?" in wrong.err
    assert not Path("b.svg").exists()


def test_logarithmic_axis(call: Call, runs: Path) -> None:
    assert call("plot", "runs", "-m", "loss", "--log", "-o", "a.svg").err == ""
    result = call("plot", "runs", "-m", "gap", "--log", "-o", "a.svg")
    assert result.err == "gap: values of 0 or less are not shown on a logarithmic axis\n"
    nothing = make_search(runs, 3, name="flat", epochs=1, per_epoch=1, loss=-1.0)
    refused = call("plot", nothing.path, "-m", "loss", "--log", "-o", "a.svg")
    assert refused.code == 2
    assert "without --log" in refused.err
    (lines,) = line_values(gather(list_runs(runs), parse_metrics(["loss"])), log=True)
    assert len(lines) == 3  # the flat line is gone


def test_missing_metrics_are_reported(call: Call, runs: Path) -> None:
    result = call("plot", "runs", "-m", "losss", "-o", "a.svg")
    assert result.code == 2
    assert "did you mean loss?" in result.err
    assert "thresholds_normal" in result.err
    empty = runs / "20261124-110000-empty"
    empty.mkdir()
    (empty / "status.json").write_bytes((list_runs(runs)[-1].path / "status.json").read_bytes())
    result = call("plot", "runs", "-m", "gap", "-o", "a.svg")
    assert (result.code, result.err) == (0, "no gap, left out: empty\n")
    nothing = call("plot", empty, "-o", "b.svg")
    assert nothing.code == 2
    assert nothing.err.count("\n") == 1
    assert "any metrics yet" in nothing.err
    broken = runs / "20261124-120000-broken"
    broken.mkdir()
    (broken / "status.json").write_text("{")
    result = call("plot", "runs", "-m", "loss", "-o", "a.svg")
    assert result.code == 0
    assert result.err.startswith("left out: 20261124-120000-broken: status.json: not JSON")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-o", "a.gif"], ".svg, .png or .pdf"),
        (["-o", "none/a.svg"], "no folder none"),
        (["-o", "runs.svg", "--size", "7"], "7x3.5"),
        (["-o", "a.svg", "--size", "1000x1"], "inches"),
        (["-o", "a.svg", "-m", "loss,"], "empty name"),
        (["-o", "a.svg", "-g", ","], "empty key"),
        (["-o", "a.svg", "--smooth", "0"], "--smooth"),
        (["-o", "a.svg", "--x", "steps"], "--x"),
    ],
)
def test_invalid_input_is_a_one_line_error(call: Call, runs: Path, arguments: list[str], says: str) -> None:
    result = call("plot", "runs", *arguments)
    assert (result.code, result.out) == (2, "")
    assert says in result.err
    assert result.err.count("\n") == 1
    assert not list(Path.cwd().glob("*.svg"))


def test_existing_picture_stays_when_nothing_can_be_drawn(call: Call, runs: Path) -> None:
    Path("a.svg").write_text("old")
    assert call("plot", "runs", "-m", "nothing", "-o", "a.svg").code == 2
    assert Path("a.svg").read_text() == "old"


def test_names_are_not_interpreted_as_markup(call: Call, runs: Path) -> None:
    for name in ("_hidden", "$x^2$", "a\x1b[31m&<b>"):
        (runs / name).symlink_to(list_runs(runs)[0].path)
    result = call(
        "plot",
        *(runs / name for name in ("_hidden", "$x^2$", "a\x1b[31m&<b>")),
        "-o",
        "a.svg",
        "--title",
        "$\\frac",
    )
    assert result.code == 0
    assert "\x1b" not in Path("a.svg").read_text()
    shown = texts(Path("a.svg"))
    for text in ("_hidden", "$x^2$", "a\\x1b[31m&<b>", "$\\frac"):
        assert text in shown


def test_running_run_is_drawn_up_to_its_latest_step(tmp_path: Path, call: Call) -> None:
    run = make_search(tmp_path / "work" / "runs", state="stopped")
    with RunSession(Run(run.path), epochs=9, steps=99) as session:
        session.begin_attempt(13)
        session.write_environment({})
        session.write_step({"step": 13, "epoch": 4, "weight_loss": 0.5})
        assert call("plot", "latest", "-m", "loss", "-o", "a.svg", "--x", "time").code == 0
        (line,) = gather([run], parse_metrics(["loss"])).panels[0].lines
        assert line.course.x[-1] == 13
        session.finish("stopped")


def test_sizes_and_units(runs: Path) -> None:
    assert parse_size("7x3.5") == (7, 3.5)
    assert parse_size("7 × 3") == (7, 3)
    panels = gather(list_runs(runs)[:1], parse_metrics(["loss"]), "time").panels
    assert time_unit(panels) == (1, "s")
    with warnings.catch_warnings(), plot_style():
        warnings.simplefilter("error")
        figure = curves_figure(panels, "time", size=(4, 3))
        assert tuple(figure.get_size_inches()) == (4, 3)
        assert figure.axes[0].get_xlabel() == "time (s)"


def test_long_run_becomes_a_small_picture(tmp_path: Path) -> None:
    rows = [
        {"kind": "step", "step": n, "epoch": 1, "weight_loss": 5.0 if n == 3210 else n % 7}
        for n in range(1, 6001)
    ]
    curves = gather([write_rows(tmp_path, rows)], parse_metrics(["loss"]), smooth=1)
    (line,) = curves.panels[0].lines
    assert len(line.course.x) <= 2000
    assert len(curves_image(curves.panels, ".svg")) < 150_000


def test_plot_does_not_import_torch(runs: Path) -> None:
    loaded = modules_after("plot", "runs", "-o", "a.svg", "--group-by", "method")
    assert "matplotlib" in loaded
    assert not loaded & {"torch", "torchvision", "textual", "sklearn"}
    assert not modules_after("plot", "--help") & {*HEAVY, "matplotlib"}
