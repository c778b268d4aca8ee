"""Tags and notes: stored, validated, and safe under concurrent writes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from entrannas_cli.common.errors import RunFailed, UsageError
from entrannas_cli.common.files import BrokenRun
from entrannas_cli.results.select_runs import select_runs
from entrannas_cli.store.create import create_run
from entrannas_cli.store.notes import (
    MAX_NOTE_CHARS,
    MAX_TAG_CHARS,
    NOTES_FILE,
    Notes,
    change_notes,
    read_notes,
)
from entrannas_cli.store.overview import describe, overview
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession

from .processes import python


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create_run(tmp_path / "runs", space="standard", method="darts", seed=0)


def test_tags_and_a_note(run: Run) -> None:
    assert read_notes(run) == Notes()
    assert change_notes(run) == Notes()
    assert not (run.path / NOTES_FILE).exists()
    assert change_notes(run, add=["good", "b.2_x-y", "good"]).tags == ("b.2_x-y", "good")
    assert change_notes(run, note="two\nlines \x1b[31m").note == "two\nlines \x1b[31m"
    assert change_notes(run, add=["à"], remove=["good", "never"]) == read_notes(run)
    assert read_notes(run) == Notes(("b.2_x-y", "à"), "two\nlines \x1b[31m")
    assert change_notes(run, note="").note == ""
    assert sorted(path.name for path in run.path.iterdir()) == ["notes.json", "status.json", "summary.json"]


def test_tags_are_normalised(run: Run) -> None:
    change_notes(run, add=["\u00e9"])
    assert change_notes(run, add=["e\u0301"]).tags == ("\u00e9",)
    assert change_notes(run, remove=["e\u0301"]).tags == ()


@pytest.mark.parametrize(
    "tag",
    [
        "",
        " ",
        "two words",
        "-",
        "...",
        "a,b",
        "a/b",
        "a\x1b[31m",
        "a\n",
        "x" * (MAX_TAG_CHARS + 1),
        "\ud800a",
    ],
)
def test_invalid_tags_are_rejected(run: Run, tag: str) -> None:
    for change in ({"add": ["good", tag]}, {"remove": [tag]}):
        with pytest.raises(UsageError, match=r"^tag .*use letters, digits, \. _ and -") as caught:
            change_notes(run, **change)  # type: ignore[arg-type]
        assert caught.value.message.isprintable()
    assert read_notes(run) == Notes()


def test_limits_and_contradictions(run: Run) -> None:
    assert (
        change_notes(run, add=["x" * MAX_TAG_CHARS], note="n" * MAX_NOTE_CHARS).note == "n" * MAX_NOTE_CHARS
    )
    with pytest.raises(UsageError, match="10001 characters: at most 10000"):
        change_notes(run, note="n" * (MAX_NOTE_CHARS + 1))
    with pytest.raises(UsageError, match='tag "a": either add it or remove it'):
        change_notes(run, add=["a"], remove=["a", "b"])


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "empty"),
        (b"{", "not JSON"),
        (b"\xff", "not UTF-8"),
        (b"[]", "not a JSON object"),
        (b'{"format": 2}', "format 2"),
        (b'{"tags": "good"}', "tags: expected strings"),
        (b'{"tags": ["good", 5]}', "tags: expected strings, found 5"),
        (b'{"tags": ["a\\u001b[31m"]}', "tags: expected strings"),
        (b'{"note": 5}', "note: expected a string"),
        (json.dumps({"note": "n" * 10_001}).encode(), "note: expected a string of at most"),
    ],
)
def test_damaged_file_is_named_and_not_overwritten(run: Run, content: bytes, fault: str) -> None:
    path = run.path / NOTES_FILE
    path.write_bytes(content)
    for use in (lambda: read_notes(run), lambda: change_notes(run, add=["good"])):
        with pytest.raises(BrokenRun, match=fault) as caught:
            use()
        assert caught.value.reason.startswith("notes.json: ")
        assert str(caught.value).isprintable()
    assert path.read_bytes() == content
    for problems in (overview(run).faults, describe(run)["problems"]):
        assert problems[0].startswith("notes.json: ")
        assert fault in problems[0]


def test_notes_file_must_be_a_regular_file(run: Run) -> None:
    os.mkfifo(run.path / NOTES_FILE)
    assert "not a regular file" in overview(run).notes_problem


def test_tags_and_note_are_in_lists_and_details(run: Run) -> None:
    change_notes(run, add=["good"], note="fine")
    for facts in (overview(run).to_dict(), describe(run)):
        assert (facts["tags"], facts["note"]) == (["good"], "fine")


def test_notes_can_change_during_a_running_search(run: Run) -> None:
    with RunSession(run) as session:
        change_notes(run, add=["live"])
        session.update_summary({"gap": 0.5})
        session.finish("completed")
    with RunSession(run) as session:
        session.finish("completed")
    assert read_notes(run).tags == ("live",)
    assert overview(run).gap == 0.5


def test_concurrent_commands_lose_no_tag(run: Run) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from entrannas_cli.store.notes import change_notes; from entrannas_cli.store.run import Run\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for n in range(20): change_notes(Run(Path(sys.argv[1])), add=[f'{sys.argv[2]}{n}'])\n"
    )
    processes = [python(code, run.path, name) for name in "abc"]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        assert process.wait(timeout=20) == 0
        process.communicate()
    assert set(read_notes(run).tags) == {f"{name}{n}" for name in "abc" for n in range(20)}


def test_missing_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="can't be read: No such file"):
        change_notes(Run(tmp_path / "gone"), add=["good"])


def test_damaged_notes_do_not_hide_the_run(run: Run) -> None:
    (run.path / NOTES_FILE).write_text("{")
    seen = overview(run)
    assert seen.problems == ()
    assert "notes.json: not JSON" in seen.notes_problem
    assert seen.to_dict()["problems"] == [seen.notes_problem]
    assert select_runs([], run.path.parent).runs == (run,)  # its results still count
