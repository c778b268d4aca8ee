from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from entrannas_cli.cli.spaces import app
from entrannas_cli.common.errors import UsageError
from entrannas_cli.method.operations import get_operation, operation_names
from entrannas_cli.method.space import SearchSpace
from entrannas_cli.spaces.files import (
    SpaceError,
    SpaceProblem,
    check_space,
    describe_operations,
    load_space,
    space_from_table,
    space_names,
    space_to_toml,
)

ROOT = Path(__file__).parents[2]
STANDARD = (
    "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5",
)  # fmt: skip
EXTRA = ("sep_conv_7x7", "conv_1x1", "conv_3x3", "conv_1x3_3x1", "conv_1x7_7x1")


def run(*arguments: str, code: str | None = None, path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a real process; ``code`` is Python code to run instead of a command."""
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "entrannas_cli", *arguments]
    environ = {**os.environ, "PYTHONPATH": str(path)}
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60, check=False)


class TestSpaces:
    def test_bundled_spaces(self) -> None:
        assert space_names() == ("standard", "extended")
        standard, extended = load_space("standard"), load_space("extended")
        assert standard.operations == STANDARD
        assert (standard.nodes, len(standard.edges), standard.connections) == (4, 14, 98)
        assert set(extended.operations) == {*STANDARD, *EXTRA}
        assert (extended.nodes, extended.connections) == (4, 168)
        for space in (standard, extended):
            assert space.description
            assert space.source

    def test_custom_space_file(self) -> None:
        Path("mine.toml").write_text('operations = ["skip_connect"]')
        assert load_space("mine.toml") == SearchSpace(name="mine", operations=("skip_connect",), nodes=4)
        assert load_space(Path("mine.toml")) == load_space("./mine.toml")

    def test_missing_space(self) -> None:
        with pytest.raises(UsageError) as caught:
            load_space("extnded")
        assert "did you mean extended?" in caught.value.message
        assert "use one of standard and extended" in caught.value.message
        with pytest.raises(UsageError, match=r"no/such\.toml: no such file"):
            load_space("no/such.toml")

    @given(
        st.builds(
            SearchSpace,
            name=st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z"),
            operations=st.lists(st.sampled_from(operation_names()), min_size=1, unique=True).map(tuple),
            nodes=st.integers(1, 16),
            description=st.text(st.characters(codec="utf-8")),
            source=st.text(st.characters(codec="utf-8")),
        )
    )
    def test_space_round_trip(self, space: SearchSpace) -> None:
        import tomli

        assert space_from_table(tomli.loads(space_to_toml(space))) == space

    def test_space_of_a_run_may_have_missing_operations(self) -> None:
        table = {"name": "theirs", "operations": ["their_op"]}
        assert space_from_table(table, any_operation=True).operations == ("their_op",)
        with pytest.raises(SpaceError, match="unknown operation"):
            space_from_table(table)

    def test_spaces_are_found_in_an_installed_package(self, tmp_path: Path) -> None:
        site = tmp_path / "site"
        shutil.copytree(
            ROOT / "entrannas_cli", site / "entrannas_cli", ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copytree(ROOT / "searchspaces", site / "entrannas_cli" / "searchspaces")
        done = run(code="from entrannas_cli.spaces.files import *; print(space_path('standard'))", path=site)
        assert done.stdout.strip() == str(site / "entrannas_cli" / "searchspaces" / "standard.toml")


class TestBadFiles:
    def test_all_errors_have_key_and_allowed_values(self) -> None:
        Path("bad.toml").write_text(
            'nam = "x"\nname = "a b"\nsource = 4\ndescription = []\nnodes = 17\n'
            'operations = ["sep_conv_33", "skip_connect", "skip_connect", 3]'
        )
        problems = {problem.key: problem.text for problem in check_space("./bad.toml")}
        assert list(problems) == [
            "nam", "name", "description", "source", "nodes", "operations[0]", "operations[2]", "operations[3]",
        ]  # fmt: skip
        assert problems["nam"].startswith("unknown key (did you mean name?); the keys are name, description")
        assert problems["name"].endswith('not "a b"')
        assert problems["nodes"] == "must be a whole number from 1 to 16, not 17"
        assert problems["operations[0]"].startswith(
            'unknown operation "sep_conv_33" (did you mean sep_conv_3x3?)'
        )
        for key in ("operations[0]", "operations[3]"):
            assert all(name in problems[key] for name in operation_names())
        assert problems["operations[2]"] == '"skip_connect" is listed twice'
        with pytest.raises(UsageError) as caught:
            load_space("./bad.toml")
        assert len(caught.value.details) == 8

    def test_number_of_operations_is_limited(self) -> None:
        names = ", ".join(f'"op{n}"' for n in range(20_000))
        Path("huge.toml").write_text(f"operations = [{names}]")
        (problem,) = check_space("./huge.toml")
        assert str(problem) == "operations: at most 1,000, not 20,000"

    @pytest.mark.parametrize(
        ("content", "key", "words"),
        [
            ("", "operations", "at least one is needed; available: max_pool_3x3"),
            ("operations = []", "operations", "at least one is needed"),
            ('operations = "skip_connect"', "operations", "must be a list of names"),
            ('operations = ["skip_connect"]\nnodes = true', "nodes", "from 1 to 16, not true"),
            ('operations = ["skip_connect"]\nnodes = 4.0', "nodes", "from 1 to 16, not 4.0"),
            ('operations = ["skip_connect"]\nnodes = 0', "nodes", "from 1 to 16, not 0"),
            ('operations = ["skip_connect"]\nname = "../x"', "name", "must be letters, digits"),
            ('operations = ["skip_connect"]\nname = 3', "name", "must be letters, digits"),
            ('operations = ["skip_connect"]\n[nodes]\na = 1', "nodes", "from 1 to 16"),
            ('operations = ["a\\u001b[2J"]', "operations[0]", '"a\\u001b[2J"'),
        ],
    )
    def test_each_error_is_reported(self, content: str, key: str, words: str) -> None:
        Path("bad.toml").write_text(content)
        (problem,) = check_space("./bad.toml")
        assert problem.key == key
        assert words in problem.text
        assert problem.text.isprintable()

    @given(
        st.dictionaries(
            st.sampled_from(["name", "description", "source", "nodes", "operations", "other"]),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
                max_leaves=8,
            ),
        )
    )
    def test_any_table_is_checked_without_an_exception(self, table: dict[str, object]) -> None:
        problems: tuple[SpaceProblem, ...] = ()
        try:
            space = space_from_table(table, name="x")
        except SpaceError as error:
            problems = error.problems
        assert problems or space.operations
        assert all(str(problem).isprintable() for problem in problems)


class TestCommands:
    def test_list_command(self) -> None:
        result = CliRunner().invoke(app, ["list"])
        lines = result.stdout.splitlines()
        assert re.match(r"standard +7 +4 +98 ", lines[1])
        assert any(re.match(r"extended +12 +4 +168 ", line) for line in lines)
        assert max(map(len, lines)) <= 80
        data = json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)
        assert [(space["name"], space["connections"]) for space in data] == [
            ("standard", 98),
            ("extended", 168),
        ]

    def test_show_command(self) -> None:
        text = CliRunner().invoke(app, ["show", "extended"]).stdout
        assert re.search(r"^skip_connect +skip +no *$", text, re.MULTILINE)
        assert re.search(r"^conv_1x7_7x1 +conv1x7 +yes *$", text, re.MULTILINE)
        assert "4 nodes, 14 edges, 168 candidate connections" in text
        data = json.loads(CliRunner().invoke(app, ["show", "extended", "--json"]).stdout)
        assert data["edges"] == 14
        assert data["operations"][0] == {
            "name": "max_pool_3x3",
            "label": "max",
            "weights": False,
            "package": None,
        }

    def test_text_from_files_is_not_markup(self) -> None:
        Path("mine.toml").write_text(
            'description = "[red]x[/red] \\u001b[2J"\nsource = "[/]"\noperations = ["skip_connect"]'
        )
        result = CliRunner().invoke(app, ["show", "./mine.toml"])
        assert result.exit_code == 0
        assert "[red]x[/red] \\x1b[2J" in result.stdout

    def test_check_command(self) -> None:
        Path("mine.toml").write_text('nodes = 1\noperations = ["skip_connect"]')
        assert (
            CliRunner()
            .invoke(app, ["check", "mine.toml"])
            .stdout.startswith("OK: mine, 2 candidate connections")
        )
        data = json.loads(CliRunner().invoke(app, ["check", "mine.toml", "--json"]).stdout)
        assert (data["ok"], data["connections"], data["problems"]) == (True, 2, [])

    def test_check_of_bad_files_in_a_subprocess(self) -> None:
        Path("bad.toml").write_text("nodes = 0\noperations = []")
        done = run("spaces", "check", "bad.toml")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.splitlines()[0] == "entrannas: bad.toml: not a search space, 2 errors:"
        assert len(done.stderr.splitlines()) == 3
        Path("broken.toml").write_text("nodes = \n")
        done = run("spaces", "check", "broken.toml")
        assert done.returncode == 2
        assert re.fullmatch(r"entrannas: broken\.toml: not valid TOML: .*line 1, column 9.*\n", done.stderr)

    def test_check_of_bad_files_as_json(self) -> None:
        Path("bad.toml").write_text("nodes = 0\noperations = []")
        Path("broken.toml").write_text("nodes = ")
        for name, keys in (("bad", ["nodes", "operations"]), ("broken", [""]), ("missing", [""])):
            result = CliRunner().invoke(app, ["check", f"{name}.toml", "--json"])
            data = json.loads(result.stdout)
            assert result.exit_code == 2
            assert (data["ok"], [problem["key"] for problem in data["problems"]]) == (False, keys)

    @pytest.mark.parametrize("command", [["list"], ["show", "extended"], ["check", "mine.toml", "--json"]])
    def test_commands_import_no_heavy_packages(self, command: list[str]) -> None:
        Path("mine.toml").write_text('operations = ["skip_connect"]')
        heavy = (
            "torch",
            "torchvision",
            "entrannas_cli.config.search",
            "numpy",
            "pandas",
            "textual",
            "sklearn",
        )
        done = run(
            code=f"""
import sys
from entrannas_cli.__main__ import main
try:
    main({["spaces", *command]!r})
except SystemExit as end:
    assert not end.code, end.code
print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
"""
        )
        assert done.stderr.splitlines()[-1] == "[]", done.stderr


def test_plugin_operation_is_shown_without_importing_it(tmp_path: Path) -> None:
    site = tmp_path / "site"
    info = site / "their_package-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[entrannas.operations]\ntheir_op = their_module:build\n")
    (site / "their_module.py").write_text("raise RuntimeError('loaded')\n")
    Path("mine.toml").write_text('operations = ["their_op", "skip_connect"]')
    path = Path(f"{site}{os.pathsep}{ROOT}")
    done = run("spaces", "check", "mine.toml", path=path)
    assert (done.returncode, done.stderr) == (0, "")
    done = run("spaces", "show", "./mine.toml", path=path)
    assert re.search(r"their_op .*\(from the package their-package\)", done.stdout)
    done = run("spaces", "show", "./mine.toml", "--json", path=path)
    assert json.loads(done.stdout)["operations"][0] == {
        "name": "their_op", "label": None, "weights": None, "package": "their-package",
    }  # fmt: skip


class TestDocument:
    TEXT = (ROOT / "docs" / "spaces.md").read_text(encoding="utf-8")

    def test_documented_example_works(self) -> None:
        example = re.search(r"```toml\n(.*?)```", self.TEXT, re.DOTALL)
        assert example
        Path("light.toml").write_text(example[1])
        assert load_space("light.toml").name == "light"

    def test_document_lists_every_operation_with_its_label(self) -> None:
        rows = [
            [cell.strip() for cell in line.split("|")[1:4]] for line in self.TEXT.splitlines() if "| " in line
        ]
        documented: dict[str, tuple[str, bool]] = {}
        for names, labels, weights in rows:
            found = re.findall(r"`(\w+)`", names)
            if weights in ("yes", "no"):
                documented |= {
                    name: (label, weights == "yes")
                    for name, label in zip(found, labels.split(", "), strict=True)
                }
        ours = {
            fact.name: (fact.label, fact.parametric) for fact in describe_operations(load_space("extended"))
        }
        assert documented == ours
        assert get_operation("skip_connect").label == "skip"
