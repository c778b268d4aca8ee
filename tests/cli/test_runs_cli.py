"""`entrannas runs` and `entrannas stop` end to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest
import typer

from entrannas_cli.cli.stop import stop
from entrannas_cli.common.errors import EntrannasError, RunFailed, UsageError
from entrannas_cli.render.run_list import short_references
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.create import create_run
from entrannas_cli.store.find_run import find_run, list_runs
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession
from entrannas_cli.store.status import Status, write_status

from ..commands import Call

NOW = 1795515300.0  # 2026-11-24 10:15:00 UTC
CONFIG = (
    'space = "standard"\nmethod = "entrannas-dst"\n[data]\ndataset = "digits"\n[search]\nbatch_size = 64\n'
)


def make_run(
    folder: Path, seed: int = 0, name: str | None = None, ending: str = "completed", **values: Any
) -> Run:
    """Create a run as a short search leaves it."""
    run = create_run(
        folder,
        space="standard",
        method="entrannas-dst",
        seed=seed,
        name=name,
        now=NOW + 60 * seed,
        files={"config.toml": CONFIG},
    )
    with RunSession(run, epochs=50, steps=400) as session:
        session.begin_attempt(1)
        session.write_environment({"device": "cpu"})
        session.write_genotype(1, 1, PUBLISHED["DARTS_V2"])
        session.write_step({"step": 8, "epoch": 1, "weight_loss": 1.25, "accuracy": 0.5, "temperature": 0.9})
        session.write_epoch({"step": 8, "epoch": 1, "weight_loss": 1.5, "gap": -0.02})
        session.update_summary(
            {
                "weight_loss": 1.5,
                "supernet_accuracy": 0.75,
                "gap": -0.02,
                "sparsity_normal": 0.8,
                "sparsity_reduce": 0.9,
                **values,
            }
        )
        session.save_checkpoint(8, lambda path: path.write_bytes(b"x" * 2000))
        session.finish(ending, "the loss is nan" if ending == "failed" else "")
    return run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Create a default runs folder with a completed, a failed, a named and a broken run."""
    folder = tmp_path / "work" / "runs"
    make_run(folder)
    make_run(folder, 1, ending="failed")
    make_run(folder, 2, name="wide cells", ending="stopped")
    broken = folder / "20261124-102000-[b]\x1b[3m"
    broken.mkdir()
    (broken / "status.json").write_text('{"state": "runn')
    return folder


FIRST, SECOND = "20261124-101500-standard-entrannas-dst-s0", "20261124-101600-standard-entrannas-dst-s1"
NAMED = "20261124-101700-wide-cells"


# list


def test_piped_list_is_tab_separated(call: Call, runs: Path) -> None:
    result = call("runs", "list")
    assert (result.code, result.err) == (0, "")
    header, *lines = (line.split("\t") for line in result.out.splitlines())
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    assert [row["id"] for row in rows] == ["20261124-102000-[b]\\x1b[3m", NAMED, SECOND, FIRST]
    assert [row["state"] for row in rows] == ["broken", "stopped", "failed", "completed"]
    assert rows[0]["reason"].startswith("status.json: not JSON")
    assert rows[2]["reason"] == "the loss is nan"
    expected = {
        "method": "entrannas-dst",
        "space": "standard",
        "data": "digits",
        "epoch": "1",
        "epochs": "50",
    }
    expected |= {"loss": "1.5", "accuracy": "0.75", "sparsity": "0.85", "gap": "-0.02", "reason": ""}
    assert expected.items() <= rows[3].items()


def test_list_json(call: Call, runs: Path) -> None:
    facts = json.loads(call("runs", "list", "--json").out)
    assert [run["state"] for run in facts] == ["broken", "stopped", "failed", "completed"]
    assert facts[0]["problems"][0].startswith("status.json: not JSON")
    assert facts[3]["id"] == FIRST
    assert facts[3]["path"] == str(runs / FIRST)
    assert facts[3]["supernet_accuracy"] == 0.75


@pytest.mark.parametrize(
    "config", [b".".join([b"a"] * parts) + b" = 1" for parts in (30, 1000, 2000)] + [b"a = " + b"[" * 5000]
)
def test_damaged_configuration_is_named_and_hides_no_other_run(call: Call, runs: Path, config: bytes) -> None:
    damaged = create_run(runs, space="standard", method="darts", seed=3)
    (damaged.path / "config.toml").write_bytes(config)
    listed = {run["id"]: run["problems"] for run in json.loads(call("runs", "list", "--json").out)}
    assert listed[damaged.id][0].startswith("config.toml: ")
    assert listed[FIRST] == []
    assert "config.toml: " in call("runs", "show", damaged.id).out
    for command in (
        ["compare"],
        ["report", "runs", "--output", "r.html"],
        ["plot", "runs", "--output", "p.svg"],
    ):
        result = call(*command)
        assert result.code == 0, result.err
        assert f"left out: {damaged.id}: config.toml: " in result.err
    assert call("spaces", "check", damaged.path / "config.toml").code == 2


def test_links_out_of_a_run_are_not_followed(call: Call, runs: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.toml"
    secret.write_text('password = "s3cret"\n')
    run = make_run(runs, 7, dataset="digits")
    (run.path / "config.toml").unlink()
    (run.path / "config.toml").symlink_to(secret)
    shown = json.loads(call("runs", "show", run.id, "--json").out)
    assert shown["config"] is None
    assert "config.toml: can't be read: a link, which is not followed" in shown["problems"]
    call("report", run.id, "--output", "r.html")
    assert "s3cret" not in Path("r.html").read_text("utf-8")


def test_path_of_a_folder_whose_name_is_not_utf8(runs: Path) -> None:
    name = os.fsdecode(b"20261124-103000-\xff\x1b[2J")
    (runs / FIRST).rename(runs / name)
    arguments = [sys.executable, "-m", "entrannas_cli", "runs", "path", f"runs/{name}"]
    piped = subprocess.run(arguments, capture_output=True, check=True)
    assert piped.stdout == os.fsencode(runs / name) + b"\n"


def test_dates_are_shown_as_json(call: Call, runs: Path) -> None:
    (runs / FIRST / "config.toml").write_text(
        "day = 2026-11-24\nat = 2026-11-24T10:15:00Z\nhour = 10:15:00\n"
    )
    config = json.loads(call("runs", "show", FIRST, "--json").out)["config"]
    assert config == {"day": "2026-11-24", "at": "2026-11-24T10:15:00+00:00", "hour": "10:15:00"}


def test_list_filters_by_state_and_count(call: Call, runs: Path) -> None:
    chosen = call("runs", "list", "--state", "failed", "--state", "stopped", "--json")
    assert [run["id"] for run in json.loads(chosen.out)] == [NAMED, SECOND]
    assert [run["id"] for run in json.loads(call("runs", "list", "-n", "2", "--json").out)][1:] == [NAMED]
    none = call("runs", "list", "--state", "running")
    assert (none.code, none.out) == (0, "")
    assert "no running run" in none.err
    wrong = call("runs", "list", "--state", "fialed")
    assert wrong.code == 2
    assert "did you mean failed?" in wrong.err


def test_empty_runs_folder_is_not_an_error(call: Call, tmp_path: Path) -> None:
    result = call("runs", "list")
    assert (result.code, result.out) == (0, "")
    assert "no run in" in result.err
    assert "entrannas search" in result.err
    assert call("runs", "list", "--json").out == "[]\n"
    assert not (tmp_path / "work" / "runs").exists()


def test_runs_folder_precedence(call: Call, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs.parent.parent)
    assert call("runs", "path", "latest").code == 2
    assert call("runs", "path", NAMED, "--runs-dir", runs).out == f"{runs / NAMED}\n"
    (runs.parent.parent / "entrannas.toml").write_text('runs_dir = "work/runs"\n')
    assert call("runs", "path", NAMED).out == f"{runs / NAMED}\n"
    monkeypatch.setenv("ENTRANNAS_RUNS_DIR", str(runs.parent / "other"))
    assert call("runs", "path", NAMED).code == 2
    assert call("runs", "path", NAMED, "--runs-dir", "work/runs").out == f"{runs / NAMED}\n"


def screen(*arguments: object, columns: int, answer: str = "", **environment: str) -> list[str]:
    """Return what a terminal of ``columns`` shows after the command."""
    environ = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    child = pexpect.spawn(
        sys.executable,
        ["-m", "entrannas_cli", *map(str, arguments)],
        env={**environ, "TERM": "xterm-256color", **environment},
        dimensions=(60, columns),
        timeout=30,
    )
    output = b""
    if answer:
        child.expect_exact("[y/N]")
        output = child.before + child.after
        child.sendline(answer)
    output += child.read()
    child.close()
    terminal = pyte.Screen(columns, 60)
    pyte.ByteStream(terminal).feed(output)
    return [line.rstrip() for line in terminal.display if line.strip()]


def test_list_fits_the_terminal(runs: Path) -> None:
    lines = screen("runs", "list", columns=80)
    assert " ".join(lines[0].split()) == "run state method space epoch loss acc % spars % gap %"
    assert " ".join(lines[2].split()) == "wide-cells stopped entrannas-dst standard 1/50 1.500 75.0 85.0 -2.0"
    assert lines[3].split()[:2] == ["20261124-101600", "failed"]
    assert "status.json: not JSON" in " ".join(lines[5:])
    wide = screen("runs", "list", columns=150)
    assert wide[4].split()[:7] == [
        FIRST,
        "search",
        "completed",
        "entrannas-dst",
        "standard",
        "digits",
        "1/50",
    ]
    narrow = screen("runs", "list", columns=50)
    assert narrow[4].split() == ["20261124-101500", "completed", "1/50", "75.0", "85.0"]


def test_narrow_list_shows_references_that_resolve(runs: Path) -> None:
    for line in screen("runs", "list", columns=80)[2:5]:
        assert find_run(line.split()[0], runs).id in (FIRST, SECOND, NAMED)


def test_short_references() -> None:
    ids = [
        FIRST,
        SECOND,
        f"{SECOND}-2",
        f"{SECOND[:-1]}2",
        NAMED,
        "20261124-999999-wide-cells",
        "odd",
        "latest",
    ]
    ids += ["20261124-999999-latest", "20261124-111111-odd", "20261124-111111-x"]
    short = short_references(ids)
    assert short[FIRST].by_time == "20261124-101500"
    assert short[SECOND].by_time == SECOND
    assert short[f"{SECOND}-2"].by_time == f"{SECOND}-2"
    assert short[NAMED].by_name == NAMED
    assert short["20261124-999999-latest"].by_name == "20261124-999999-latest"
    assert short["20261124-111111-odd"].by_name == "20261124-111111-odd"
    assert short["20261124-111111-x"].by_name == "x"
    assert short["odd"].by_time == short["odd"].by_name == "odd"


def test_colours_follow_terminal_and_environment(runs: Path) -> None:
    command = [sys.executable, "-m", "entrannas_cli", "runs"]
    for arguments in (["list"], ["show", FIRST]):
        piped = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
        assert "\x1b" not in piped.stdout + piped.stderr


# show


def test_show_a_run(call: Call, runs: Path) -> None:
    result = call("runs", "show", NAMED)
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    for line in (
        NAMED,
        "state stopped",
        "progress epoch 1 of 50, step 8 of 400",
        "search.batch_size 64",
        "ran on cpu",
        "weight loss 1.250",
        "consistency gap -2.0 %",
        "normal cell 2 ← 0 sep3, 1 sep3",
        "checkpoints/step-00000008.pt 2.0 kB",
        f"next: entrannas resume {NAMED}",
    ):
        assert line in lines
    assert "next: entrannas train" in call("runs", "show", FIRST).out
    assert "reason the loss is nan" in " ".join(call("runs", "show", SECOND).out.split())


def test_show_json(call: Call, runs: Path) -> None:
    facts = json.loads(call("runs", "show", "latest", "--json").out)
    assert facts["state"] == "broken"
    facts = json.loads(call("runs", "show", NAMED, "--json").out)
    assert facts["genotype"] == PUBLISHED["DARTS_V2"].to_dict()
    assert facts["last_step"]["temperature"] == 0.9
    assert facts["next"] == f"entrannas resume {NAMED}"


def test_show_a_ranking(call: Call, runs: Path) -> None:
    row = {"rank": 1, "search": "x", "epoch": 7, "state": "completed", "accuracy": 0.914, "parameters": 36700}
    rows = [row, {**row, "rank": 2, "epoch": 3, "state": "failed", "accuracy": None}, "\x1b[2J"]
    make_run(runs, name="ranked", kind="rank", ranking=rows)
    shown = call("runs", "show", "ranked").out
    assert "7  " in shown
    assert "91.4" in shown
    assert "failed" in shown
    assert "\x1b" not in shown


def test_show_names_damaged_files(call: Call, runs: Path) -> None:
    result = call("runs", "show", "latest")
    assert result.code == 0
    assert "broken" in result.out
    assert "\x1b" not in result.out
    (runs / FIRST / "summary.json").write_text(
        '{"target": "\\u001b[31m[red]", "warnings": ["[/bold]", 3], "gap": 1e999}'
    )
    (runs / FIRST / "genotype.json").write_text("{}")
    (runs / FIRST / "config.toml").write_text('space = "\\u001b]0;title\\u0007[link=x]"\nseed = nan\n')
    result = call("runs", "show", FIRST)
    assert result.code == 0
    assert "\x1b" not in result.out
    assert "\\x1b]0;title\\x07[link=x]" in result.out
    assert "[/bold]" in result.out
    assert "genotype.json: " in result.out


def test_show_suggests_how_to_resume_a_lost_run(call: Call, runs: Path) -> None:
    host = os.uname().nodename
    write_status(
        runs / FIRST, Status(state="running", host=host, pid=2**22 - 3, heartbeat=time.time(), created=NOW)
    )
    result = call("runs", "show", FIRST)
    assert f"process {2**22 - 3} is gone" in result.out
    assert f"next: entrannas resume {FIRST}" in result.out
    write_status(
        runs / FIRST, Status(state="running", host="far", pid=1, heartbeat=time.time() - 99, created=NOW)
    )
    assert "process 1 on far, last heartbeat 1m39s ago" in call("runs", "show", FIRST).out


def test_unknown_run_is_rejected(call: Call, runs: Path) -> None:
    for command in ("show", "path", "rm"):
        result = call("runs", command, "20261124-101500-standard-entrannas-dst-s9")
        assert (result.code, result.out) == (2, "")
        assert FIRST in result.err


# rm


def test_rm_asks_for_confirmation(runs: Path) -> None:
    lines = screen("runs", "rm", FIRST, columns=100, answer="n")
    assert lines[-1] == "nothing removed"
    assert (runs / FIRST).exists()
    lines = screen("runs", "rm", FIRST, NAMED, FIRST, columns=100, answer="y")
    assert f"{FIRST} (completed, " in lines[0]
    assert "Remove these 2 runs with all files?" in lines[2]
    assert lines[-1] == f"removed {NAMED}"
    assert len(list_runs(runs)) == 2


def test_rm_without_a_terminal_needs_yes(runs: Path) -> None:
    command = [sys.executable, "-m", "entrannas_cli", "runs", "rm", FIRST]
    refused = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "use `--yes` to remove without asking" in refused.stderr
    assert (runs / FIRST).exists()
    done = subprocess.run(
        [*command, "--yes"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"removed {FIRST}\n")
    assert not (runs / FIRST).exists()


def test_rm_rejects_a_running_run_before_removing_any(call: Call, runs: Path) -> None:
    with RunSession(Run(runs / FIRST)) as session:
        result = call("runs", "rm", NAMED, FIRST, "--yes")
        session.finish("stopped")
    assert result.code == 2
    assert f"`entrannas stop {FIRST}`" in result.err
    assert (runs / NAMED).exists()
    assert call("runs", "rm", "latest", "--yes").code == 0  # latest is the broken one
    assert len(list_runs(runs)) == 3


# stop


def stop_command(*arguments: object) -> None:
    app = typer.Typer()
    app.command()(stop)
    app([str(argument) for argument in arguments], standalone_mode=False)


WORK = """
import sys, time
from pathlib import Path
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession
with RunSession(Run(Path(sys.argv[1]))) as session:
    print("works", flush=True)
    while not session.stop_requested:
        time.sleep(0.01)
    session.set_progress(3, 17)
    session.finish(sys.argv[2], "the reason")
"""


@pytest.mark.parametrize("ending", ["stopped", "failed"])
def test_stop_reports_how_the_run_ended(runs: Path, capsys: pytest.CaptureFixture[str], ending: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, str(runs / FIRST), ending], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "works\n"
    if ending == "stopped":
        stop_command("20261124-101500")
        out, err = capsys.readouterr()
        assert out == f"{FIRST} stopped at step 17, epoch 3; resume it with `entrannas resume {FIRST}`\n"
        assert err.startswith(f"asked {FIRST} to stop")
    else:
        with pytest.raises(
            RunFailed, match="failed at step 17, epoch 3: the reason; resume it with `entrannas resume"
        ):
            stop_command(FIRST)
    assert process.wait(timeout=20) == 0
    process.stdout.close()


def test_stop_times_out(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RunSession(Run(runs / FIRST)) as session:
        with pytest.raises(RunFailed, match="still running"):
            stop_command(FIRST, "--timeout", 0.1)
        stop_command(FIRST, "--no-wait")
        assert capsys.readouterr().out == ""
        assert (runs / FIRST / "stop").exists()
        session.finish("stopped")


def test_stop_rejects_a_run_that_is_not_running(runs: Path) -> None:
    for name, says in (
        (FIRST, "it is completed"),
        (SECOND, "failed (the loss is nan)"),
        ("latest", "it is broken"),
    ):
        with pytest.raises(UsageError) as caught:
            stop_command(name)
        assert says in str(caught.value)
    with pytest.raises(EntrannasError, match="no such run"):
        stop_command("nothing")


# the shell


def test_shell_completes_run_references(runs: Path, tmp_path: Path) -> None:
    def completed(words: str) -> list[str]:
        result = subprocess.run(
            [sys.executable, "-m", "entrannas_cli"],
            env={**os.environ, "_ENTRANNAS_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": words},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.stderr == ""
        return result.stdout.split()

    found = " ".join(completed("entrannas runs show 2026"))
    assert FIRST in found
    assert NAMED in found
    assert "[b]" not in found
    assert "latest" in " ".join(completed("entrannas runs path l"))
    elsewhere = " ".join(completed(f"entrannas runs show --runs-dir {tmp_path}/none 2026"))
    assert FIRST not in elsewhere
