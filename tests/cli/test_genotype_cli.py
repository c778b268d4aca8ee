"""`entrannas genotype` as a user meets it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from entrannas_cli.__main__ import main
from entrannas_cli.errors import UsageError
from entrannas_cli.genotypes import find_genotype, parse_genotype
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.method.published import PUBLISHED
from entrannas_cli.store.create import create_run
from entrannas_cli.store.run import GENOTYPE_FILE, Run
from entrannas_cli.store.session import RunSession

from ..render.cells import genotypes

DENSE = Genotype(
    CellGraph(((Connection(0, "sep_conv_3x3"), Connection(0, "skip_connect"), Connection(1, "conv_1x1")),)),
    CellGraph(((Connection(1, "max_pool_3x3"),),)),
)


class Result:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> Result:
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Result(int(caught.value.code or 0), out, err)

    return run


def make_run(genotype: Genotype | None, seed: int = 0) -> Run:
    run = create_run(Path("runs"), space="standard", method="entrannas-dst", seed=seed)
    with RunSession(run) as session:
        session.begin_attempt(1)
        if genotype is not None:
            session.derived(0, 0, genotype)
        session.finish("completed")
    return run


def test_a_picture_of_bundled_cells_in_any_case(call: Any) -> None:
    result = call("genotype", "show", "darts_v2")
    assert result.code == 0
    assert result.out.startswith("published cells DARTS_V2\n\nnormal cell: 8 connections\n")
    assert "━━ sep3 ━►│ 2 │" in result.out
    assert max(map(len, result.out.splitlines())) <= 80
    assert result.err == ""


@pytest.mark.parametrize("reference", ["latest", "id", "prefix", "path"])
def test_a_run_by_any_reference(call: Any, reference: str) -> None:
    run = make_run(DENSE)
    named = {"latest": "latest", "id": run.id, "prefix": run.id[:20], "path": str(run.path)}[reference]
    result = call("genotype", "show", named)
    assert result.code == 0
    assert result.out.startswith(f"run {run.id}\n")
    assert "3 connections" in result.out


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(genotype=genotypes())
def test_json_is_read_back(genotype: Genotype) -> None:
    Path("cells.json").write_text(genotype.to_json(), encoding="utf-8")
    assert find_genotype("cells.json", Path("runs")).genotype == genotype


def test_what_show_prints_show_reads(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for form, name in (("json", "cells.json"), ("darts", "cells.txt")):
        printed = call("genotype", "show", "ISTA_twostage", "--format", form).out
        Path(name).write_text(printed, encoding="utf-8")
        assert call("genotype", "show", name, "--json").out == PUBLISHED["ISTA_twostage"].to_json()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(printed.encode())))
        assert call("genotype", "show", "-", "--json").out == PUBLISHED["ISTA_twostage"].to_json()


def test_dot(call: Any) -> None:
    result = call("genotype", "show", "DARTS_V2", "-f", "dot")
    assert result.out.startswith("digraph genotype {")
    assert result.out.count("sep_conv_3x3") == 5


def test_darts_form_that_can_not_hold_the_cells(call: Any) -> None:
    make_run(DENSE)
    result = call("genotype", "show", "latest", "--format", "darts")
    assert (result.code, result.out) == (2, "")
    assert "normal cell: node 2 has 3 connections, DARTS' text form holds exactly two a node" in result.err
    assert "--format json" in result.err


def test_a_name_that_is_nothing(call: Any) -> None:
    result = call("genotype", "show", "PC_DARTS_cifar1")
    assert (result.code, result.out) == (2, "")
    assert "did you mean PC_DARTS_cifar?" in result.err
    run = make_run(DENSE)
    result = call("genotype", "show", run.id[:-1] + "9")
    assert f"did you mean {run.id}?" in result.err
    result = call("genotype", "show", "quite-different")
    assert result.code == 2
    assert "no file and no published cell" in result.err
    assert "published: DARTS_V2, PC_DARTS_cifar, ISTA_twostage" in result.err


def test_an_ambiguous_beginning_lists_the_runs(call: Any) -> None:
    runs = [make_run(DENSE, seed) for seed in (0, 1)]
    result = call("genotype", "show", runs[0].id[:4])
    assert result.code == 2
    assert all(run.id in result.err for run in runs)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "it is empty"),
        (b"\xff\xfe\x00", "not a text in UTF-8"),
        (b"{", "not JSON"),
        (b'{"a": 1}', 'format: expected "entrannas-genotype"'),
        (b"import os", "not DARTS' text form"),
        (b"Genotype(normal=[('a', 0)], normal_concat=[2])", "reduce is missing"),
        (b"__import__('os').system('touch hacked')", "not DARTS' text form"),
        (b"(" * 5000, "not DARTS' text form"),
        (b"[" * 100_000, "not JSON"),
        (b"x" * (4 * 2**20 + 1), "larger than 4 MiB"),
    ],
)
def test_files_that_are_no_genotype(call: Any, content: bytes, fault: str) -> None:
    Path("bad.txt").write_bytes(content)
    result = call("genotype", "show", "bad.txt")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("entrannas: bad.txt: ")
    assert fault in result.err
    assert "Traceback" not in result.err
    assert not Path("hacked").exists()


def test_every_fault_of_a_file_is_listed() -> None:
    data = DENSE.to_dict()
    data["normal"]["nodes"] = [[[5, "a"], [-1, "b"]]]  # type: ignore[index]
    data["reduce"]["nodes"] = [[]]  # type: ignore[index]
    with pytest.raises(UsageError) as caught:
        parse_genotype(json.dumps(data), "cells")
    assert len(caught.value.details) == 3


def test_what_can_not_be_read_does_not_hang(call: Any) -> None:
    os.mkfifo("pipe")
    assert call("genotype", "show", "pipe").code == 2
    assert call("genotype", "show", "/dev/zero").code == 2
    result = call("genotype", "show", "missing.json")
    assert (result.code, "there is no such file" in result.err) == (2, True)
    Path("folder").mkdir()
    assert "not a run" in call("genotype", "show", "./folder").err


def test_runs_without_cells_or_with_broken_ones(call: Any) -> None:
    run = make_run(None)
    result = call("genotype", "show", "latest")
    assert (result.code, "has no genotype yet (state: completed)" in result.err) == (2, True)
    (run.path / GENOTYPE_FILE).write_text("{")
    result = call("genotype", "show", "latest")
    assert result.code == 2
    assert "genotype.json" in result.err


def test_hostile_files_write_no_escapes(call: Any) -> None:
    cell = CellGraph(((Connection(0, "\x1b]0;owned\x07[bold]x[/bold]"),),))
    Path("cells.json").write_text(Genotype(cell, cell).to_json(), encoding="utf-8")
    for form in ("text", "dot"):
        shown = call("genotype", "show", "cells.json", "--format", form).out
        assert not {"\x1b", "\x07"} & set(shown)
        assert "[bold]" in shown


def test_the_list(call: Any) -> None:
    shown = call("genotype", "list").out
    assert all(name in shown for name in PUBLISHED)
    listed = json.loads(call("genotype", "list", "--json").out)
    assert {entry["name"]: Genotype.from_dict(entry["genotype"]) for entry in listed} == PUBLISHED


def test_two_forms_at_once_are_refused(call: Any) -> None:
    assert call("genotype", "show", "DARTS_V2", "--json", "--format", "dot").code == 2


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_without_lines_gets_ascii(encoding: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "entrannas_cli", "genotype", "show", "DARTS_V2"],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )
    assert result.stdout.isascii()
    assert b"== sep3 =>| 2 |" in result.stdout
