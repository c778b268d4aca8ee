"""`entrannas genotype` end to end."""

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

from entrannas_cli.common.errors import UsageError
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.create import create_run
from entrannas_cli.store.find_genotype import find_genotype, parse_genotype
from entrannas_cli.store.run import GENOTYPE_FILE, Run
from entrannas_cli.store.session import RunSession

from ..render.cells import genotypes

DENSE = Genotype(
    CellGraph(((Connection(0, "sep_conv_3x3"), Connection(0, "skip_connect"), Connection(1, "conv_1x1")),)),
    CellGraph(((Connection(1, "max_pool_3x3"),),)),
)


def make_run(genotype: Genotype | None, seed: int = 0, name: str | None = None) -> Run:
    run = create_run(Path("runs"), space="standard", method="entrannas-dst", seed=seed, name=name)
    with RunSession(run) as session:
        session.begin_attempt(1)
        if genotype is not None:
            session.write_genotype(0, 0, genotype)
        session.finish("completed")
    return run


def test_show_draws_published_cells_ignoring_case(call: Any) -> None:
    result = call("genotype", "show", "darts_v2")
    assert result.code == 0
    assert result.out.startswith("published cells DARTS_V2\n\nnormal cell: 8 connections\n")
    assert "━━ sep3 ━►│ 2 │" in result.out
    assert max(map(len, result.out.splitlines())) <= 80
    assert result.err == ""


@pytest.mark.parametrize("reference", ["latest", "id", "prefix", "path"])
def test_show_accepts_any_run_reference(call: Any, reference: str) -> None:
    run = make_run(DENSE)
    named = {"latest": "latest", "id": run.id, "prefix": run.id[:20], "path": str(run.path)}[reference]
    result = call("genotype", "show", named)
    assert result.code == 0
    assert result.out.startswith(f"run {run.id}\n")
    assert "3 connections" in result.out


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(genotype=genotypes())
def test_json_round_trip(genotype: Genotype) -> None:
    Path("cells.json").write_text(genotype.to_json(), encoding="utf-8")
    assert find_genotype("cells.json", Path("runs")).genotype == genotype


def test_show_reads_its_own_output(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for form, name in (("json", "cells.json"), ("darts", "cells.txt")):
        printed = call("genotype", "show", "ISTA_twostage", "--format", form).out
        Path(name).write_text(printed, encoding="utf-8")
        assert call("genotype", "show", name, "--json").out == PUBLISHED["ISTA_twostage"].to_json()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(printed.encode())))
        assert call("genotype", "show", "-", "--json").out == PUBLISHED["ISTA_twostage"].to_json()


def test_dot_output(call: Any) -> None:
    result = call("genotype", "show", "DARTS_V2", "-f", "dot")
    assert result.out.startswith("digraph genotype {")
    assert result.out.count("sep_conv_3x3") == 5


def test_darts_format_rejects_cells_it_cannot_hold(call: Any) -> None:
    make_run(DENSE)
    result = call("genotype", "show", "latest", "--format", "darts")
    assert (result.code, result.out) == (2, "")
    assert "normal cell: node 2 has 3 connections, DARTS' text form holds exactly two per node" in result.err
    assert "--format json" in result.err


def test_unknown_name_is_rejected_with_suggestions(call: Any) -> None:
    result = call("genotype", "show", "PC_DARTS_cifar1")
    assert (result.code, result.out) == (2, "")
    assert "did you mean PC_DARTS_cifar?" in result.err
    run = make_run(DENSE)
    result = call("genotype", "show", run.id[:-1] + "9")
    assert f"did you mean {run.id}?" in result.err
    result = call("genotype", "show", "quite-different")
    assert result.code == 2
    assert "a file or a published cell" in result.err
    assert f"published: {', '.join(PUBLISHED)}" in result.err


def test_ambiguous_prefix_lists_the_matching_runs(call: Any) -> None:
    runs = [make_run(DENSE, seed) for seed in (0, 1)]
    result = call("genotype", "show", runs[0].id[:4])
    assert result.code == 2
    assert all(run.id in result.err for run in runs)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "it is empty"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        (b"{", "not JSON"),
        (b'{"a": 1}', 'format: expected "entrannas-genotype"'),
        (b"import os", "neither genotype JSON nor a text with Genotype("),
        (b"Genotype(normal=[('a', 0)], normal_concat=[2])", "reduce is missing"),
        (b"__import__('os').system('touch hacked')", "neither genotype JSON nor"),
        (b"Genotype(normal=__import__('os').system('touch hacked'))", "malformed Genotype(...)"),
        (b"# Genotype(normal=[])", "every genotype in it is commented out"),
        (b"(" * 5000, "neither genotype JSON nor"),
        (b"[" * 100_000, "not JSON"),
        (b"x" * (4 * 2**20 + 1), "larger than 4 MiB"),
    ],
)
def test_invalid_genotype_files_are_rejected(call: Any, content: bytes, fault: str) -> None:
    Path("bad.txt").write_bytes(content)
    result = call("genotype", "show", "bad.txt")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("entrannas: bad.txt: ")
    assert fault in result.err
    assert "Traceback" not in result.err
    assert not Path("hacked").exists()


def test_all_errors_in_a_file_are_listed() -> None:
    data = DENSE.to_dict()
    data["normal"]["nodes"] = [[[5, "a"], [-1, "b"]]]
    data["reduce"]["nodes"] = [[]]
    with pytest.raises(UsageError) as caught:
        parse_genotype(json.dumps(data), "cells")
    assert len(caught.value.details) == 3


def test_unreadable_paths_do_not_hang(call: Any) -> None:
    os.mkfifo("pipe")
    assert call("genotype", "show", "pipe").code == 2
    assert call("genotype", "show", "/dev/zero").code == 2
    result = call("genotype", "show", "missing.json")
    assert (result.code, "no such file" in result.err) == (2, True)
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


def test_hostile_files_print_no_escape_sequences(call: Any) -> None:
    cell = CellGraph(((Connection(0, "\x1b]0;owned\x07[bold]x[/bold]"),),))
    Path("cells.json").write_text(Genotype(cell, cell).to_json(), encoding="utf-8")
    for form in ("text", "dot"):
        shown = call("genotype", "show", "cells.json", "--format", form).out
        assert not {"\x1b", "\x07"} & set(shown)
        assert "[bold]" in shown


def test_list_of_published_cells(call: Any) -> None:
    shown = call("genotype", "list").out
    assert all(name in shown for name in PUBLISHED)
    listed = json.loads(call("genotype", "list", "--json").out)
    assert {entry["name"]: Genotype.from_dict(entry["genotype"]) for entry in listed} == PUBLISHED


def test_two_formats_at_once_are_rejected(call: Any) -> None:
    assert call("genotype", "show", "DARTS_V2", "--json", "--format", "dot").code == 2


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_encoding_without_box_characters_falls_back_to_ascii(encoding: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "entrannas_cli", "genotype", "show", "DARTS_V2"],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )
    assert result.stdout.isascii()
    assert b"== sep3 =>| 2 |" in result.stdout


def test_commands_accept_a_training_log(call: Any) -> None:
    log = f"07/14 epoch 1\n07/14 genotype = {PUBLISHED['DARTS_V2'].to_darts()}\n"
    log += f"[Epoch 2]\nPC = {PUBLISHED['PC_DARTS_cifar'].to_darts()}\n07/14 genotype = Genotype(normal=[('a"
    Path("log.txt").write_text(log)
    for reference, name in (
        ("log.txt", "PC_DARTS_cifar"),
        ("log.txt@first", "DARTS_V2"),
        ("log.txt@1", "DARTS_V2"),
        ("log.txt@PC", "PC_DARTS_cifar"),
    ):
        result = call("genotype", "show", reference, "--json")
        assert (result.code, result.out) == (0, PUBLISHED[name].to_json()), reference
    assert "note: line 5: left out" in call("genotype", "show", "log.txt").err
    assert "genotype 2 of 3 (line 4)" in call("genotype", "show", "log.txt").out
    assert "line 5: malformed Genotype(...)" in call("genotype", "show", "log.txt@3").err
    result = call("genotype", "show", "log.txt@4")
    assert (result.code, '"4" is not one of its 3 genotypes' in result.err) == (2, True)


def test_import_from_a_log(call: Any) -> None:
    log = f"A = {PUBLISHED['DARTS_V2'].to_darts()}\nB = {PUBLISHED['PC_DARTS_cifar'].to_darts()}\n"
    Path("genotypes.py").write_text(log)
    result = call("genotype", "import", "genotypes.py")
    assert (result.code, result.out) == (0, PUBLISHED["PC_DARTS_cifar"].to_json())
    assert "importing B, genotype 2 of 2 (line 2) of genotypes.py" in result.err
    for choice in ("1", "A", "first"):
        assert (
            call("genotype", "import", "genotypes.py", "--take", choice).out
            == PUBLISHED["DARTS_V2"].to_json()
        )
    result = call("genotype", "import", "genotypes.py", "--take", "C")
    assert (result.code, result.out) == (2, "")
    assert "names: A, B" in result.err
    result = call("genotype", "import", "genotypes.py", "-t", "A", "-o", "cells.json")
    assert (result.code, result.out) == (0, "")
    assert find_genotype("cells.json", Path("runs")).genotype == PUBLISHED["DARTS_V2"]
    before = Path("cells.json").read_bytes()
    assert call("genotype", "import", "missing.txt", "-o", "cells.json").code == 2
    assert call("genotype", "import", "genotypes.py", "-o", "cells.txt").code == 2
    assert Path("cells.json").read_bytes() == before
    assert call("genotype", "import", "cells.json").out == PUBLISHED["DARTS_V2"].to_json()


def test_import_lists_the_genotypes_in_a_file(call: Any) -> None:
    text = (
        f"[Epoch 7]\nX = {PUBLISHED['DARTS_V2'].to_darts()}\nGenotype(recurrent=[('tanh', 0)], concat=[1])\n"
    )
    Path("log.txt").write_text(text)
    lines = [line.split("\t") for line in call("genotype", "import", "log.txt", "--list").out.splitlines()]
    assert lines[1] == ["1", "2", "X", "2+2+2+2 = 8", "2+2+2+2 = 8", "[Epoch 7]"]
    assert lines[2][:5] == ["2", "3", "", "-", "-"]
    assert "recurrent" in lines[2][5]
    listed = json.loads(call("genotype", "import", "log.txt", "--list", "--json").out)
    assert Genotype.from_dict(listed[0]["genotype"]) == PUBLISHED["DARTS_V2"]
    assert listed[1]["genotype"] is None
    assert call("genotype", "import", "log.txt", "--list", "--take", "1").code == 2


def test_import_reports_changes_and_unknown_operations(call: Any) -> None:
    text = "Genotype(normal=[('none', 0), ('conv_7x1_1x7', 1)], normal_concat=[2], "
    text += "reduce=[('\x1b[31mpool', 0), ('sep_conv_3x3', 1)], reduce_concat=[2])"
    Path("text.txt").write_text(text.replace("\x1b[31m", "strange_"))
    result = call("genotype", "import", "text.txt")
    assert result.code == 0
    assert '"none" from node 0 is left out' in result.err
    assert "conv_7x1_1x7 is called conv_1x7_7x1 here" in result.err
    assert "the operation strange_pool is not installed" in result.err
    Path("text.txt").write_text(text)
    result = call("genotype", "import", "text.txt")
    assert result.code == 2
    assert "\x1b" not in result.err


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "gv", "dot", "SVG"])
def test_draw_writes_each_format(call: Any, suffix: str) -> None:
    starts = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "gv": b"digraph", "dot": b"digraph"}
    run = make_run(DENSE)
    result = call("genotype", "draw", "latest", "-o", f"cell.{suffix}", "--dpi", 40)
    assert (result.code, result.out) == (0, "")
    assert f"wrote cell.{suffix}" in result.err
    content = Path(f"cell.{suffix}").read_bytes()
    assert content.startswith(starts[suffix.lower()])
    if suffix not in ("png", "pdf"):
        assert f"run {run.id}".encode() in content
        assert content.count(b"sep_conv_3x3") == 1
        call("genotype", "draw", "latest", "-o", f"cell.{suffix}", "--kind", "reduce")
        assert b"sep_conv_3x3" not in Path(f"cell.{suffix}").read_bytes()


def test_failed_draw_keeps_the_existing_file(call: Any) -> None:
    Path("cell.svg").write_text("old")
    assert call("genotype", "draw", "no-such-run", "-o", "cell.svg").code == 2
    assert Path("cell.svg").read_text() == "old"
    assert call("genotype", "draw", "DARTS_V2", "-o", "missing/cell.svg").code == 2
    result = call("genotype", "draw", "DARTS_V2", "-o", "cell.jpg")
    assert (result.code, ".svg, .png, .pdf, .gv or .dot" in result.err) == (2, True)
    assert "--output" in call("genotype", "draw", "DARTS_V2").err
    assert sorted(path.name for path in Path().iterdir()) == ["cell.svg"]


def make_history(*cells: str, name: str | None = None) -> Run:
    """Create a run whose cells change every ten steps; the letters name the operations from node 0 to node 2."""
    names = {"s": "sep_conv_3x3", "k": "skip_connect", "m": "max_pool_3x3"}
    run = create_run(Path("runs"), space="standard", method="entrannas-dst", seed=0, name=name)
    with RunSession(run) as session:
        session.begin_attempt(1)
        for n, letters in enumerate(cells):
            cell = CellGraph((tuple(Connection(0, names[letter]) for letter in letters),))
            session.write_genotype(10 * n, n, Genotype(cell, DENSE.reduce))
        session.finish("completed")
    return run


def test_diff_between_two_steps(call: Any) -> None:
    run = make_history("skm", "sk", "mk")
    result = call("genotype", "diff", f"{run.id}@first", "latest")
    assert result.code == 0
    assert result.out.startswith(f"- run {run.id}, step 0\n+ run {run.id}\n")
    assert "normal cell: 3 connections → 2 (2 kept, 1 removed)" in result.out
    assert "    - 0  sep_conv_3x3" in result.out
    assert "reduction cell: the same, 1 connection" in result.out
    found = json.loads(call("genotype", "diff", "latest@10", "latest@20", "--json").out)
    assert (found["before"], found["after"]) == (f"run {run.id}, step 10", f"run {run.id}, step 20")
    assert found["normal"]["changed"] == [
        {"target": 2, "source": 0, "before": "sep_conv_3x3", "after": "max_pool_3x3"}
    ]
    assert call("genotype", "diff", "latest", "latest").out.count("the same") == 2
    assert call("genotype", "diff", "-", "-").code == 2


@pytest.mark.parametrize("point", ["x", "-1", "", "1e3", "٣", "999", "9" * 5000])
def test_invalid_steps_are_rejected(call: Any, point: str) -> None:
    make_history("s", "k")
    assert call("genotype", "show", f"latest@{point}").code == 2


def test_names_that_contain_an_at_sign(call: Any) -> None:
    made = make_history("s", "k")
    run = Run(made.path.rename("runs/a@b"))
    assert "skip" in call("genotype", "show", run.id).out
    assert "sep" in call("genotype", "show", f"{run.id}@first").out
    assert call("genotype", "show", "DARTS_V2@2").code == 2
    Path("cells.json").write_text(DENSE.to_json())
    assert "has only one genotype" in call("genotype", "show", "cells.json@2").err
    make_run(DENSE, name="bare")
    (Path("runs") / call("runs", "path", "bare").out.strip() / "genotypes.jsonl").unlink()
    assert "has no history of cells" in call("genotype", "show", "bare@0").err


def test_history_as_text(call: Any) -> None:
    make_history("skm", "sk", "mk")
    lines = [line.split("\t") for line in call("genotype", "history", "latest").out.splitlines()]
    assert lines[0] == ["step", "epoch", "normal", "reduce", "changes"]
    assert lines[1:] == [
        ["0", "0", "3 = 3", "1 = 1", ""],
        ["10", "1", "2 = 2", "1 = 1", "n -0→2 max"],
        ["20", "2", "2 = 2", "1 = 1", "n ~0→2 sep3→max"],
    ]
    rows = json.loads(call("genotype", "history", "latest", "--json", "--last", 2).out)
    assert [row["step"] for row in rows] == [10, 20]
    assert rows[1]["normal"]["changed"][0]["after"] == "max_pool_3x3"
    assert len(json.loads(call("genotype", "history", "latest", "--json", "--frames", 1).out)) == 1


@pytest.mark.parametrize("suffix", ["gif", "svg", "png", "pdf"])
def test_history_as_pictures(call: Any, suffix: str) -> None:
    make_history("skm", "sk", "mk", "k")
    result = call("genotype", "history", "latest", "-o", f"film.{suffix}", "--frames", 3)
    assert (result.code, result.out) == (0, "")
    content = Path(f"film.{suffix}").read_bytes()
    starts = {"gif": b"GIF89a", "svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
    assert content.startswith(starts[suffix])
    if suffix == "svg":
        assert content.count(b", epoch ") == 3
        assert b"3 of 4 states of the cells" in content


def test_history_rejects_runs_without_one_and_conflicting_options(call: Any) -> None:
    make_run(None)
    result = call("genotype", "history", "latest")
    assert (result.code, "has no history of cells (state: completed)" in result.err) == (2, True)
    make_history("s")
    for wrong in (
        ["--json", "--play"],
        ["-o", "a.gif", "--json"],
        ["-o", "a.bmp"],
        ["--play"],
        ["--frames", "0"],
    ):
        result = call("genotype", "history", "latest", *wrong)
        assert (result.code, result.out) == (2, ""), wrong
    assert not Path("a.gif").exists()


def test_reading_commands_import_no_heavy_packages() -> None:
    make_history("sk", "k")
    code = (
        "import sys\nfrom entrannas_cli.__main__ import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print(*{'torch', 'numpy', 'pandas', 'matplotlib'} & set(sys.modules), file=sys.stderr)"
    )
    for arguments in (
        ["diff", "latest@0", "latest"],
        ["history", "latest"],
        ["draw", "latest", "-o", "a.gv"],
    ):
        result = subprocess.run(
            [sys.executable, "-c", code, "genotype", *arguments], capture_output=True, text=True, check=True
        )
        assert result.stderr.splitlines()[-1] == "", result.stderr


def test_random_cells(call: Any) -> None:
    first, again, other = (call("genotype", "random", "--seed", seed).out for seed in (3, 3, 4))
    assert first == again != other
    drawn = parse_genotype(first, "standard output")
    assert all(len(node) == 2 for _, cell in drawn.cells for node in cell.nodes)


def test_random_cells_like_others(call: Any) -> None:
    make_run(PUBLISHED["PC_DARTS_cifar"], name="searched")
    result = call(
        "genotype", "random", "--like", "searched", "--cells", 5, "--channels", 8, "-o", "like.json"
    )
    assert (result.code, result.err) == (0, "wrote like.json\n")
    drawn = find_genotype("like.json", Path("runs")).genotype
    assert [len(cell.connections) for _, cell in drawn.cells] == [8, 8]


def test_random_cells_like_cells_of_another_space_are_rejected(call: Any) -> None:
    Path("narrow.toml").write_text('name = "narrow"\noperations = ["skip_connect", "sep_conv_3x3"]\n')
    result = call("genotype", "random", "--like", "DARTS_V2", "--space", "narrow.toml")
    assert result.code == 2
    assert "--like: published cells DARTS_V2: not cells of this space" in result.err
