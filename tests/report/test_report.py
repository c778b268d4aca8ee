"""`entrannas report`: one complete, self-contained page that shows hostile names verbatim."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.report.page import report_page
from entrannas_cli.results.select_runs import select_runs
from entrannas_cli.spaces.published import PUBLISHED
from entrannas_cli.store.find_run import list_runs
from entrannas_cli.store.session import RunSession

from ..cli.test_app import modules_after
from ..commands import Call
from ..figures.runs import make_search
from ..results.generated import train_run
from .browser import needs_chromium, render_page

SCRIPT = resources.files("entrannas_cli.report").joinpath("sort.js").read_text("utf-8")


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""
    inside: tuple[str, ...] = field(default=())


class Page(HTMLParser):
    """All elements in order, each with the text inside it."""

    VOID = ("meta", "link", "br")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        assert not self._open  # every element is closed

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        element = Element(
            tag, {name: value or "" for name, value in attributes}, "", tuple(e.tag for e in self._open)
        )
        self.elements.append(element)
        if tag not in self.VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    def rows(self, table: int) -> list[list[str]]:
        """Return the text of each cell of a table."""
        found: list[list[str]] = []
        number = -1
        for element in self.elements:
            number += element.tag == "table"
            if number == table and element.tag == "tr":
                found.append([])
            elif number == table and element.tag in ("th", "td"):
                found[-1].append(element.text)
        return found


def make_runs_to_report(folder: Path) -> None:
    """Create three searches, two of them alike with different seeds, and a training of the first one's cells."""
    first = make_search(
        folder, environment={"git": "a" * 40, "packages": {"torch": "2.9"}}, config="[search]\nepochs = 3\n"
    )
    make_search(folder, 1, warnings=["a sign of <collapse>"])
    make_search(
        folder, 2, method="darts", genotype=PUBLISHED["PC_DARTS_cifar"], environment={"device": "cuda:0"}
    )
    trained = train_run(folder, first, test_error=0.0271)
    (trained.path / "environment.json").write_text('{"device": "cpu"}')
    with RunSession(trained, epochs=2, steps=2) as session:  # a second attempt
        session.begin_attempt(1)
        session.write_environment({"device": "cpu"})
        session.write_epoch({"step": 1, "epoch": 1, "weight_loss": 1.0, "validation_accuracy": 0.5})
        session.write_epoch({"step": 2, "epoch": 2, "weight_loss": 0.5, "validation_accuracy": 0.75})
        session.finish("completed")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "work" / "runs"
    make_runs_to_report(folder)
    return folder


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the page about these runs."""
    folder = tmp_path_factory.mktemp("made") / "runs"
    make_runs_to_report(folder)
    made = report_page(select_runs([], folder).overviews, "My <runs>")
    assert made.notes == []
    return made.html


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def make_report(call: Call, *arguments: object) -> Page:
    result = call("report", *arguments, "-o", "r.html")
    assert (result.code, result.out) == (0, "r.html\n"), result.err
    return Page(Path("r.html").read_text("utf-8"))


def test_page_is_complete(page: Page) -> None:
    assert page.all("h1")[0].text == page.all("title")[0].text == "My <runs>"
    assert [h.text for h in page.all("h2")] == [
        *("Results", "Curves", "Cells", "Configuration", "Environment", "Runs"),
    ]
    summary = [dict(zip(page.rows(0)[0], row, strict=True)) for row in page.rows(0)[1:]]
    by_run = {row["run"]: row for row in summary}
    assert by_run["standard-entrannas-dst-s1"]["gap (%)"] == "2.00"
    trained = next(row for row in summary if row["kind"] == "train")
    assert trained["test error (%)"] == "2.71"
    assert trained["cells"] == "standard-entrannas-dst-s0"  # under its name on this page
    groups = [dict(zip(page.rows(1)[0], row, strict=True)) for row in page.rows(1)[1:]]
    assert [(row["method"], row["runs"], row["gap (%)"]) for row in groups] == [
        ("entrannas-dst", "2", "1.50 ± 0.71")
    ]
    captions = [figure.text.strip() for figure in page.all("figcaption")]
    for caption in ("loss (nats)", "validation accuracy (%)", "sparsity (%)", "consistency gap (%)"):
        assert caption in captions
    labels = {svg.attributes.get("aria-label", "") for svg in page.all("svg")}
    assert "validation accuracy (%) over epochs. Last values: standard-entrannas-dst-s0-s0 75" in labels
    warning = next(
        element for element in page.all("details") if element.attributes.get("class") == "warnings"
    )
    assert "standard-entrannas-dst-s1: a sign of <collapse>" in warning.text
    text = " ".join(page.all("main")[0].text.split())
    for part in (
        f"git checkout {'a' * 40}",
        'dataset = "digits"',
        "packages.torch2.9",
        "entrannas search --config",
    ):
        assert part in text


def test_equal_cells_are_drawn_once(page: Page) -> None:
    headings = [h.text for h in page.all("h3") if "article" in h.inside]
    assert headings[:2] == [
        "standard-entrannas-dst-s0-s0, standard-entrannas-dst-s1, standard-entrannas-dst-s0",
        "standard-darts-s2",
    ]
    assert len(headings) == 2 + 4
    pictures = [pre.text for pre in page.all("pre") if pre.attributes.get("class") == "picture"]
    assert len(pictures) == 2
    assert all("normal cell: 8 connections" in picture for picture in pictures)


def test_only_differences_are_listed(call: Call, runs: Path) -> None:
    page = make_report(
        call, *(run.path for run in list_runs(runs) if "train" not in run.id and "-s0-s0" not in run.id)
    )
    tables = {caption.text: page.rows(n) for n, caption in enumerate(page.all("caption"))}
    (differing,) = (rows for caption, rows in tables.items() if "keys whose values differ" in caption)
    assert differing[0] == ["run", "method", "seed", "search.epochs"]
    assert ["standard-entrannas-dst-s0", "entrannas-dst", "0", "3"] in differing
    assert ["standard-darts-s2", "darts", "2", "–"] in differing
    (environment,) = (rows for caption, rows in tables.items() if caption == "Differences")
    assert environment[0] == ["run", "device", "git", "packages.torch"]
    assert ["standard-darts-s2", "cuda:0", "–", "–"] in environment


def test_page_is_self_contained(html: str, page: Page) -> None:
    ids = Counter(element.attributes["id"] for element in page.elements if "id" in element.attributes)
    assert max(ids.values()) == 1
    for element in page.elements:
        for name, value in element.attributes.items():
            assert name not in ("src", "srcset", "action", "background", "poster", "xlink:href")
            assert not name.startswith("on")
            if name == "href" and element.tag != "link":
                assert value.startswith("#")
                assert value[1:] in ids
            for target in re.findall(r"url\(([^)]*)\)", value):
                assert target[1:] in ids
    assert [link.attributes["href"] for link in page.all("link")] == ["data:,"]
    assert not re.search(r"@import|url\((?!#)", html)
    assert "http://" not in html.replace("http-equiv", "")
    assert "https://" not in html


def test_content_security_policy_allows_only_our_script(page: Page) -> None:
    (script,) = page.all("script")
    policy = next(meta.attributes["content"] for meta in page.all("meta") if "http-equiv" in meta.attributes)
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert script.text == SCRIPT


def test_page_is_accessible(page: Page) -> None:
    assert page.all("html")[0].attributes["lang"] == "en"
    assert len(page.all("caption")) == len(page.all("table")) > 2
    assert all(th.attributes["scope"] in ("col", "row") for th in page.all("th"))
    for svg in page.all("svg"):
        assert svg.attributes.get("aria-label") or svg.attributes.get("aria-hidden") == "true"
    levels = [int(e.tag[1]) for e in page.elements if re.fullmatch(r"h\d", e.tag)]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e{{7*7}}&amp;'\"\ud800"


def make_hostile_runs(folder: Path) -> None:
    cell = CellGraph(((Connection(0, "sep_conv_3x3"), Connection(1, "<script>alert(1)</script>")),), (2,))
    run = make_search(
        folder,
        name="<script>x</script>".replace("/", ""),
        genotype=Genotype(cell, cell),
        config=f"[extra]\nkey = {json.dumps(HOSTILE[:-1])}\n",
        environment={
            "device": HOSTILE,
            HOSTILE: HOSTILE,
            "command": ["entrannas", HOSTILE],
            "folder": HOSTILE,
            "git": HOSTILE,
        },
        warnings=[HOSTILE],
        device=HOSTILE,
    )
    target = folder / "$x$ & <b>_"
    run.path.rename(target)
    summary = json.loads((target / "summary.json").read_text())
    (target / "summary.json").write_text(
        json.dumps({**summary, "method": HOSTILE, "dataset": HOSTILE, "origin": HOSTILE})
    )
    with (target / "config.toml").open("a") as file:
        file.write("# </pre><script>alert(2)</script>\n")


def test_names_are_not_interpreted_as_markup(call: Call, runs: Path) -> None:
    make_hostile_runs(runs)
    page = make_report(call, "runs", "--title", HOSTILE[:-1])
    assert [script.text for script in page.all("script")] == [SCRIPT]
    assert not page.all("img")
    assert not page.all("b")
    assert not [e for e in page.elements for name in e.attributes if name.startswith("on")]
    html = Path("r.html").read_text("utf-8")
    assert not {character for character in html if ord(character) < 32} - {"\n"}
    assert "\u202e" not in html
    text = page.all("main")[0].text
    assert "<img src=x onerror=alert(1)>\\x1b[31m\\u202e{{7*7}}&amp;'\"" in text
    assert "$x$ & <b>_" in text
    assert "# </pre><script>alert(2)</script>" in text


def test_damaged_parts_are_named_and_the_rest_is_shown(call: Call, runs: Path) -> None:
    first, second, third, _ = sorted(list_runs(runs), key=lambda run: run.id)
    (first.path / "environment.json").write_text("{")
    (second.path / "genotype.json").write_text("{}")
    (third.path / "config.toml").write_text("= =")
    (third.path / "metrics.jsonl").write_text("\0\n[]\n")
    broken = runs / "20261124-120000-broken"
    broken.mkdir()
    (broken / "status.json").write_text("{")
    result = call("report", "runs", "-o", "r.html")
    assert result.code == 0
    for note in (
        "left out: 20261124-120000-broken: status.json: not JSON",
        "standard-entrannas-dst-s0: environment.json: not JSON",
        "standard-entrannas-dst-s1: no cells: genotype.json:",
        "standard-darts-s2: config.toml: not valid TOML",
    ):
        assert note in result.err
    page = Page(Path("r.html").read_text("utf-8"))
    assert len(page.rows(0)) == 5
    assert "broken" not in page.all("main")[0].text.replace("is broken", "")


def test_runs_without_data(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "work" / "runs"
    run = make_search(folder, epochs=0, genotype=None, state="stopped")
    (run.path / "summary.json").unlink()
    (run.path / "environment.json").unlink()
    result = call("report", "runs", "-o", "r.html")
    assert result.code == 0
    assert "no curves: the run doesn't have any metrics yet" in result.err
    page = Page(Path("r.html").read_text("utf-8"))
    assert [h.text for h in page.all("h2")] == ["Results", "Configuration", "Environment", "Runs"]


def test_many_long_runs_make_a_page_of_moderate_size(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "work" / "runs"
    run = make_search(folder)
    rows = [
        json.dumps(
            {
                "kind": "epoch",
                "step": n,
                "epoch": n,
                "weight_loss": n * 7 % 11 + 0.123456,
                "accuracy": n % 13 / 13,
            }
        )
        for n in range(1, 1001)
    ]
    for n in range(12):
        copy = folder / f"20261124-12{n:02d}00-many"
        copy.mkdir()
        for name in ("status.json", "summary.json", "config.toml", "genotype.json"):
            (copy / name).write_bytes((run.path / name).read_bytes())
        (copy / "metrics.jsonl").write_text("\n".join(rows) + "\n")
    make_report(call, "*-many")
    assert Path("r.html").stat().st_size < 12 * 40_000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["runs", "-o", "r.pdf"], ".html or .htm"),
        (["runs", "-o", "none/r.html"], "no folder none"),
        (["nothing", "-o", "r.html"], "no such run"),
        (["*none*", "-o", "r.html"], "matches this pattern"),
    ],
)
def test_invalid_input_is_rejected(call: Call, runs: Path, arguments: list[str], says: str) -> None:
    Path("r.html").write_text("old")
    result = call("report", *arguments)
    assert (result.code, result.out) == (2, "")
    assert says in result.err
    assert Path("r.html").read_text() == "old"


def test_report_does_not_import_torch(runs: Path) -> None:
    assert not modules_after("report", "runs", "-o", "r.html") & {
        "torch",
        "torchvision",
        "textual",
        "sklearn",
    }


# in a real browser


def add_script(html: str, code: str) -> Path:
    """Write the page without its policy, plus a test script that reports its result in the title."""
    html = re.sub(r"<meta http-equiv.*?>", "", html, count=1)
    path = Path("scripted.html").absolute()
    path.write_text(
        html.replace(
            "</body>", f"<script>document.title = JSON.stringify((() => {{ {code} }})())</script></body>"
        )
    )
    return path


def script_result(dom: str) -> Any:
    match = re.search(r"<title>(.*?)</title>", dom, re.DOTALL)
    assert match
    return json.loads(match[1])


@needs_chromium
def test_browser_logs_no_errors(call: Call, runs: Path) -> None:
    make_hostile_runs(runs)
    make_report(call, "runs")
    shown = render_page(Path("r.html").absolute())
    assert shown.complaints == []
    assert shown.dom.count("<button") == len(Page(Path("r.html").read_text("utf-8")).rows(0)[0])


@needs_chromium
def test_clicking_a_heading_sorts(html: str, page: Page) -> None:
    gap = page.rows(0)[0].index("gap (%)")
    code = f"""
        const rows = () => [...document.querySelectorAll(".sortable tbody tr")];
        const texts = () => rows().map((row) => row.cells[{gap}].textContent);
        const button = document.querySelectorAll(".sortable th button")[{gap}];
        const before = document.documentElement.scrollWidth - document.documentElement.clientWidth;
        button.click(); const up = texts(); button.click(); const down = texts();
        return [up, down, before];
    """
    shown = render_page(add_script(html, code))
    up, down, sideways = script_result(shown.dom)
    assert up == sorted(up, key=float)
    assert down == up[::-1] != up
    assert sideways == 0


@needs_chromium
def test_phone_width_in_dark_mode(html: str) -> None:
    code = """
        const style = (element) => getComputedStyle(element);
        const lightness = (colour) => colour.match(/\\d+/g).slice(0, 3).reduce((sum, n) => sum + Number(n), 0) / 3;
        const root = document.documentElement;
        const svg = document.querySelector(".panels svg");
        return {
            sideways: root.scrollWidth - root.clientWidth,
            width: root.clientWidth,
            paper: lightness(style(document.body).backgroundColor),
            ink: lightness(style(document.body).color),
            labels: lightness(style(svg.querySelector("text")).fill),
            letter: svg.querySelector("text").getBoundingClientRect().height,
            inside: svg.getBoundingClientRect().right <= root.clientWidth,
        };
    """
    facts = script_result(
        render_page(add_script(html, code), "--blink-settings=preferredColorScheme=0", width=390).dom
    )
    assert isinstance(facts, dict)
    assert facts["width"] <= 500  # the minimum window width of some releases
    assert facts["sideways"] == 0
    assert facts["inside"]
    assert facts["paper"] < 60
    assert facts["ink"] > 180
    assert facts["labels"] > 180
    assert facts["letter"] > 8
