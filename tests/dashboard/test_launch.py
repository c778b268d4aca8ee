"""The form that starts searches and trainings: what it shows, which command it equals, and that it starts it."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest
from textual import events

from entrannas_cli.common.errors import RunFailed, UsageError
from entrannas_cli.config.methods import METHODS, Method
from entrannas_cli.dashboard.launch import screen
from entrannas_cli.dashboard.launch.draft import Draft, Kind, arguments, command_text, fields_of, seeds_of
from entrannas_cli.dashboard.launch.field_row import FieldRow
from entrannas_cli.dashboard.launch.kind import KindSwitch
from entrannas_cli.dashboard.launch.prefill import for_cells_of, like
from entrannas_cli.dashboard.launch.submit import start
from entrannas_cli.dashboard.launch.summary import what_runs
from entrannas_cli.dashboard.launch.validate import DataChecker, Validation, check, with_data
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.create import create_run
from entrannas_cli.store.overview import overview
from entrannas_cli.store.run import Run
from entrannas_cli.store.session import RunSession

from .driver import LARGE, SMALL, Driver, drive, new_run

SIZES = pytest.mark.parametrize("size", [SMALL, LARGE])
TINY = "network.channels=2\nnetwork.cells=3\ndata.portion=0.1\nsearch.batch_size=16\nevaluation.every=1000"


def search(**texts: str) -> Draft:
    return Draft("search", {name.replace("_", "-"): text for name, text in texts.items()})


def training(**texts: str) -> Draft:
    return Draft("train", {"cells": "DARTS_V2"} | {n.replace("_", "-"): text for n, text in texts.items()})


def validate(draft: Draft, runs_dir: Path | None = None) -> Validation:
    return with_data(check(draft, runs_dir or Path.cwd() / "runs"), DataChecker())


def make_search(runs_dir: Path, name: str) -> Run:
    """Create a completed search with cells."""
    resolved = validate(search(method="darts")).resolved
    assert resolved is not None
    files = {"config.toml": resolved.to_toml()}
    run = create_run(runs_dir, space="standard", method="darts", seed=0, name=name, files=files)
    with RunSession(run, epochs=1, steps=1) as session:
        session.write_genotype(1, 1, PUBLISHED["DARTS_V2"])
        session.finish("completed")
    return run


async def open_form(driver: Driver, key: str = "n") -> None:
    await driver.press(key)
    await driver.until(lambda: driver.screen_name == "LaunchScreen", "the form")


def row(driver: Driver, name: str) -> FieldRow:
    return driver.app.screen.query_one(f"#row-{name}", FieldRow)


def command(driver: Driver) -> str:
    return driver.text_of("#command")


# parsing input


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("", ()),
        ("3", (3,)),
        ("0-3", (0, 1, 2, 3)),
        ("1,5, 7-8", (1, 5, 7, 8)),
        ("4 4 2", (4, 2)),
    ],
)
def test_seeds_are_parsed(text: str, seeds: tuple[int, ...]) -> None:
    assert seeds_of(text) == seeds


@pytest.mark.parametrize("text", ["x", "3-1", "-1", "1,,2", "0-1000", "0-40,100-140", "1.5"])
def test_invalid_seeds_are_rejected(text: str) -> None:
    with pytest.raises(UsageError, match="seed"):
        seeds_of(text)


def test_command_line_has_the_changed_values_quoted() -> None:
    assert command_text(Draft(), ()) == "entrannas search --detach"
    draft = search(
        space="extended", epochs="6", overrides="# a note\nnetwork.channels=16\n\ndata.flip = true"
    )
    assert command_text(draft, (3,), "other runs") == (
        "entrannas search --space extended --epochs 6 --seed 3 --set network.channels=16 "
        "--set 'data.flip = true' --runs-dir 'other runs' --detach"
    )
    assert command_text(training(data="a b"), ()) == "entrannas train DARTS_V2 --data 'a b' --detach"
    assert arguments(training(cells="-x.json"), 0)[-2:] == ["--", "-x.json"]
    assert "epochs" not in command_text(training(epochs="3"), ()), "those of a search"


def test_shell_loop_runs_the_same_commands() -> None:
    draft = search(name="it's", overrides="a.b=$x")
    seeds = (0, 2)
    line = command_text(draft, seeds).replace("entrannas", "printf '%s\\n' begin")
    shown = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout
    ran = [part.splitlines() for part in shown.split("begin\n")[1:]]
    assert ran == [arguments(draft, seed, several=True) for seed in seeds]
    assert "it's-s2" in ran[1]


# validation


def test_valid_form_says_what_it_will_run() -> None:
    verdict = validate(search(seeds="0-2", epochs="6"))
    assert verdict.fine
    assert what_runs(verdict) == (
        "3 searches: entrannas-dst in the space standard, 6 epochs of 8 steps, digits, 5 cells, 8 channels"
    )
    assert verdict.defaults["dataset"] == "digits  (preset quick)"
    drawn = validate(search(method="random", dataset="cifar10"))
    assert drawn.fine, "no image is looked at"
    assert what_runs(drawn) == "1 search: cells drawn at random from the space standard"
    assert "1 training: published cells DARTS_V2, 40 epochs of 14 steps" in what_runs(validate(training()))


def test_project_file_and_environment_are_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("entrannas.toml").write_text('space = "extended"\n')
    monkeypatch.setenv("ENTRANNAS_SEED", "7")
    usual = validate(Draft()).defaults
    assert (usual["space"], usual["seeds"]) == ("extended  (entrannas.toml)", "7  (ENTRANNAS_SEED)")
    Path("entrannas.toml").write_text("space = ")
    verdict = validate(Draft())
    assert any("entrannas.toml" in line for line in verdict.problems[""])


@pytest.mark.parametrize(
    ("draft", "field", "text"),
    [
        (search(space="stndard"), "space", "did you mean standard?"),
        (search(method="dart"), "method", "did you mean darts?"),
        (search(preset="papr"), "preset", "did you mean paper?"),
        (training(train_preset="papr"), "train-preset", "no preset papr"),
        (search(dataset="digit"), "dataset", "did you mean digits?"),
        (search(dataset="cifar10"), "dataset", "cifar10 is not available"),
        (search(dataset="folder"), "data", "needs the path of the images"),
        (search(dataset="folder", data="nowhere"), "data", "nowhere"),
        (search(data="images"), "data", "is not read from a path"),
        (search(epochs="x"), "epochs", "must be a whole number from 1"),
        (search(epochs="0"), "epochs", "must be a whole number from 1"),
        (search(seeds="9" * 10), "seeds", "must be a whole number from 0"),
        (search(seeds="a"), "seeds", "is not a seed"),
        (search(overrides="data.portion=0.1"), "", "the batch size of 96 exceeds"),
        (search(device="gpu"), "device", "must be"),
        (search(name="a/b"), "name", "contains a slash"),
        (search(overrides="network.chanels=3"), "overrides", "did you mean network.channels?"),
        (search(overrides="network.channels"), "overrides", "write it as section.key=value"),
        (search(overrides="network.channels=1"), "overrides", "from 2 to 4096"),
        (training(train_overrides="derived.cels=3"), "train-overrides", "did you mean derived.cells?"),
        (training(cells=""), "cells", "required: a run"),
        (training(cells="-"), "cells", "nothing can be piped"),
        (training(cells="DARTS_V3"), "cells", "did you mean DARTS_V2?"),
    ],
)
def test_problem_is_shown_at_its_field(draft: Draft, field: str, text: str) -> None:
    verdict = validate(draft)
    assert not verdict.fine
    assert list(verdict.problems) == [field]
    assert text in " ".join(verdict.problems[field])


def test_form_reports_every_problem_that_the_command_reports() -> None:
    draft = search(space="x", epochs="0", overrides="a.b=1\nseed=-1", dataset="folder")
    words = [sys.executable, "-m", "entrannas_cli", *arguments(draft)]
    errors = subprocess.run(words, capture_output=True, text=True).stderr.splitlines()[1:]
    told = validate(draft).problems
    assert len(errors) == sum(len(lines) for lines in told.values())
    assert all(any(line in error for error in errors) for lines in told.values() for line in lines)


@pytest.mark.parametrize("text", ["a" * 300, "9" * 5000, "a\0b", "search.epochs=" + "9" * 5000])
@pytest.mark.parametrize("kind", ["search", "train"])
def test_any_pasted_text_is_validated(kind: Kind, text: str) -> None:
    for field in fields_of(kind):
        texts = {"cells": "DARTS_V2"} if kind == "train" else {}
        verdict = check(Draft(kind, {**texts, field.name: text}), Path("runs"))
        assert verdict.problems or verdict.resolved is not None, field.name


@pytest.mark.parametrize("data", ["a" * 300, "a" * 5000, "circle"])
def test_impossible_image_folder_is_rejected(data: str) -> None:
    Path("circle").symlink_to("circle")
    assert "no such folder" in validate(search(dataset="folder", data=data)).problems["data"][0]


def test_runs_folder_that_is_a_symlink_loop() -> None:
    Path("circle").symlink_to("circle")
    assert validate(search(dataset="digits"), Path("circle")).runs_dir == "circle"


def test_modules_in_the_working_directory_do_not_shadow_imports() -> None:
    Path("random.py").write_text("raise SystemExit('taken')")
    with pytest.raises(RunFailed) as caught:
        start(["runs", "show", "nothing"])
    assert "taken" not in str(caught.value)


def test_all_methods_are_offered() -> None:
    assert tuple(METHODS) == get_args(Method)


def test_validation_does_not_import_torch() -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from entrannas_cli.dashboard.launch.draft import Draft\n"
        "from entrannas_cli.dashboard.launch.validate import DataChecker, check, with_data\n"
        "import entrannas_cli.dashboard.launch.screen\n"
        "assert 'pydantic' not in sys.modules\n"
        "for draft in (Draft(), Draft('train', {'cells': 'DARTS_V2'})):\n"
        "    assert with_data(check(draft, Path('runs')), DataChecker()).fine\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# repeating a run


def test_draft_from_a_run_resolves_to_the_same_configuration() -> None:
    draft = search(method="darts", epochs="3", seeds="4", overrides="network.channels=6\nweights.clip=1.5")
    first = validate(draft).resolved
    assert first is not None
    run = create_run(
        Path("runs"), space="standard", method="darts", seed=4, files={"config.toml": first.to_toml()}
    )
    again = like(run)
    assert again.texts == dict(draft.texts)
    resolved = validate(again).resolved
    assert resolved is not None
    assert resolved.config == first.config


# on screen


@SIZES
def test_form_shows_the_command_and_copies_it(tmp_path: Path, size: tuple[int, int]) -> None:
    async def fill(driver: Driver) -> None:
        await open_form(driver)
        await driver.until(lambda: "✓ 1 search" in driver.shown, "the verdict")
        assert "standard  (default)" in driver.shown
        await driver.type("extended")
        await driver.until(lambda: "--space extended" in command(driver), "the command")
        folder = f" --runs-dir {shlex.quote(str(tmp_path / 'runs'))}"
        assert command(driver) == f"entrannas search --space extended{folder} --detach"
        await driver.press("ctrl+y")
        assert driver.app.clipboard == command(driver)
        await driver.press("tab")
        await driver.type("dart")
        await driver.until(lambda: "mean darts?)" in driver.shown, "the problem")
        problem = next(n for n, line in enumerate(driver.lines) if "mean darts?)" in line)
        assert "Method" in driver.lines[problem - 1] or "Method" in driver.lines[problem - 2]
        await driver.press("ctrl+s")
        await driver.until(lambda: "not started: 1 problem to fix" in driver.notes, "the refusal")
        assert driver.screen_name == "LaunchScreen"
        await driver.press("ctrl+u")
        await driver.until(lambda: "✓" in driver.shown, "that it is fixed")
        if size == LARGE:
            assert 'space = "extended"' in driver.shown

    drive(tmp_path / "runs", fill, size=size)
    assert not (tmp_path / "runs").exists()


def test_form_works_by_keyboard_alone(tmp_path: Path) -> None:
    run = make_search(tmp_path / "runs", "cells")

    async def walk(driver: Driver) -> None:
        await open_form(driver)
        await driver.press("enter")
        await driver.until(lambda: driver.screen_name == "PickScreen", "the list of spaces")
        await driver.press("j", "enter")
        await driver.until(lambda: row(driver, "space").text == "extended", "the choice")
        await driver.press("up")
        assert isinstance(driver.app.screen.focused, KindSwitch)
        await driver.press("right")
        await driver.until(lambda: "✓ 1 training" in driver.shown, "the verdict")
        assert row(driver, "cells").text == run.id
        assert not row(driver, "space").display
        for _ in range(9):
            await driver.press("down")
        assert driver.app.focused is row(driver, "train-overrides").input
        await driver.press("down")
        assert driver.app.focused is not row(driver, "train-overrides").input
        await driver.press("ctrl+t")
        await driver.until(lambda: "--space extended" in command(driver), "what was typed for a search")

    drive(tmp_path / "runs", walk)


def test_the_label_of_the_field_in_use_stands_out(tmp_path: Path) -> None:
    def standing_out(driver: Driver) -> list[str]:
        rows = [field for field in driver.app.screen.query(FieldRow) if field.display]
        return [field.field.name for field in rows if field.query_one(".label").styles.text_style.bold]

    async def move(driver: Driver) -> None:
        await open_form(driver)
        await driver.until(lambda: standing_out(driver) == ["space"], "the first")
        await driver.press("down")
        await driver.until(lambda: standing_out(driver) == ["method"], "the second")

    drive(tmp_path / "runs", move)


def test_keys_pressed_at_once_reach_the_right_fields(tmp_path: Path) -> None:
    async def burst(driver: Driver) -> None:
        await open_form(driver)
        for key, character in (("down", None), ("d", "d"), ("down", None), ("q", "q")):
            driver.app.post_message(events.Key(key, character))
        await driver.until(lambda: row(driver, "preset").text == "q", "the last key")
        assert (row(driver, "space").text, row(driver, "method").text) == ("", "d")

    drive(tmp_path / "runs", burst)


def test_escape_must_be_pressed_twice_to_discard_input(tmp_path: Path) -> None:
    async def leave(driver: Driver) -> None:
        await open_form(driver)
        await driver.press("escape")
        assert driver.screen_name == "RunsScreen", "nothing was typed"
        await open_form(driver)
        await driver.type("x")
        await driver.press("escape")
        assert driver.screen_name == "LaunchScreen"
        assert any("esc again" in note for note in driver.notes)
        await driver.press("escape")
        assert driver.screen_name == "RunsScreen"

    drive(tmp_path / "runs", leave)


def test_search_page_offers_its_cells_for_training(tmp_path: Path) -> None:
    run = make_search(tmp_path / "runs", "cells")

    async def look(driver: Driver) -> None:
        await driver.press("enter")
        await driver.until(
            lambda: driver.screen_name == "RunScreen" and "completed" in driver.shown, "the page"
        )
        await open_form(driver)
        await driver.until(lambda: f"entrannas train {run.id}" in command(driver), "the command")
        await driver.press("escape")
        await open_form(driver, "N")
        await driver.until(lambda: "entrannas search --method darts" in command(driver), "one like it")

    drive(tmp_path / "runs", look)


def test_search_without_cells_is_not_offered(tmp_path: Path) -> None:
    begun, run = new_run(tmp_path, "begun"), make_search(tmp_path, "done")
    assert for_cells_of(overview(begun), "train") == Draft()
    assert for_cells_of(overview(run), "train").text("cells") == run.id


def test_field_has_focus_after_switching_the_kind(tmp_path: Path) -> None:
    async def look(driver: Driver) -> None:
        await open_form(driver)
        for field in ("cells", "space"):
            await driver.press("ctrl+t")
            await driver.until(lambda: row(driver, field).input.has_focus, f"the focus on {field}")  # noqa: B023

    drive(tmp_path / "runs", look)


def test_readonly_has_no_form(tmp_path: Path) -> None:
    new_run(tmp_path / "runs", "one")

    async def look(driver: Driver) -> None:
        assert " n New" not in driver.lines[-1]
        await driver.press("n", "N")
        await driver.pilot.pause(0.2)
        assert driver.screen_name == "RunsScreen"

    drive(tmp_path / "runs", look, readonly=True)


@pytest.mark.parametrize("size", [(20, 5), (200, 50)])
def test_form_works_at_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async def look(driver: Driver) -> None:
        await open_form(driver)
        await driver.until(lambda: "search" in driver.text_of("#validation"), "the verdict")
        await driver.press(*["tab"] * 5)
        await driver.pilot.resize_terminal(80, 24)
        await driver.until(lambda: "a new run" in driver.lines[0], "the form")

    drive(tmp_path / "runs", look, size=size)


def test_text_from_files_is_not_markup(tmp_path: Path) -> None:
    Path("entrannas.toml").write_text('space = "[bold]x\\u001b[31m/y.toml"\n')

    async def look(driver: Driver) -> None:
        await open_form(driver)
        await driver.until(lambda: "[bold]x" in driver.shown, "the path as it is")
        assert "\x1b" not in driver.shown

    drive(tmp_path / "runs", look, size=LARGE)


# starting


async def stop_run(driver: Driver, run: Run) -> None:
    await driver.until(lambda: run.status().step > 0, "a step")
    await driver.press("S")
    await driver.until(lambda: driver.screen_name == "ConfirmScreen", "the question")
    await driver.press("y")
    await driver.until(lambda: run.status().state == "stopped", "its end")


def test_search_starts_and_its_page_opens(tmp_path: Path) -> None:
    folder = tmp_path / "runs"

    async def launch(driver: Driver) -> None:
        await open_form(driver)
        row(driver, "epochs").text = "5000"
        row(driver, "name").text = "mine"
        row(driver, "overrides").text = TINY
        await driver.press("ctrl+s")  # not validated yet, so this happens first
        await driver.until(lambda: driver.screen_name == "RunScreen", "the run's page")
        (run,) = (Run(path) for path in folder.iterdir())
        assert run.id.endswith("-mine")
        assert run.config()["search"]["epochs"] == 5000
        await driver.until(lambda: run.id in driver.lines[0] or "mine" in driver.lines[0], "its head")
        await stop_run(driver, run)
        await driver.press("escape")
        await driver.until(lambda: driver.current == run.id, "the new one under the cursor")

    drive(folder, launch)


def test_several_runs_are_started_and_marked(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    new_run(folder, "old")

    async def launch(driver: Driver) -> None:
        await driver.find("old")  # the new runs don't match the filter
        await open_form(driver)
        row(driver, "method").text = "random"  # ends at once
        row(driver, "seeds").text = "0-1"
        await driver.press("f5")
        await driver.until(lambda: driver.screen_name == "RunsScreen", "the table")
        await driver.until(lambda: len(driver.table.marked) == 2, "the marks")
        assert {run.split("-s")[-1] for run in driver.table.marked} == {"0", "1"}
        assert driver.current in driver.table.marked

    drive(folder, launch)


def test_only_failed_runs_are_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "runs"
    tried: list[str] = []

    def failing_once(words: Sequence[str]) -> str:
        seed = words[list(words).index("--seed") + 1]
        tried.append(seed)
        if tried == ["0", "1"]:
            raise RunFailed("the disk is full")
        return start(words)

    monkeypatch.setattr(screen, "start", failing_once)

    async def launch(driver: Driver) -> None:
        await open_form(driver)
        row(driver, "method").text = "random"
        row(driver, "seeds").text = "0-1"
        await driver.press("ctrl+s")
        await driver.until(lambda: "the disk is full" in driver.notes, "the failure")
        assert driver.screen_name == "LaunchScreen"
        assert row(driver, "seeds").text == "1"
        assert len(list(folder.iterdir())) == 1
        await driver.press("ctrl+s")
        await driver.until(lambda: driver.screen_name == "RunScreen", "the page of the other one")
        assert tried == ["0", "1", "1"]

    drive(folder, launch)


def test_failed_start_is_shown_and_keeps_the_form_open(tmp_path: Path) -> None:
    folder = tmp_path / "runs"

    async def launch(driver: Driver) -> None:
        folder.write_text("a file, no folder")
        await open_form(driver)
        row(driver, "seeds").text = "5"
        await driver.press("ctrl+s")
        await driver.until(lambda: any("cannot create a run" in note for note in driver.notes), "why")
        assert driver.screen_name == "LaunchScreen"
        assert row(driver, "seeds").text == "5"

    drive(folder, launch)
