"""The collapse warning: rates on random cells, good published cells, and cells known to have collapsed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import comb
from pathlib import Path
from typing import Any

import pytest
import torch

from entrannas_cli.config.search import SearchConfig
from entrannas_cli.config.search_sections import TargetConfig
from entrannas_cli.engine.search import run
from entrannas_cli.engine.search.build import build_search
from entrannas_cli.engine.search.collapse import collapse_warning
from entrannas_cli.engine.search.summary import derived_summary
from entrannas_cli.method.bilevel import BilevelSearch
from entrannas_cli.method.genotype import CellGraph, Connection, Genotype
from entrannas_cli.method.operations import get_operation, operation_names
from entrannas_cli.method.random_search import draw_genotype
from entrannas_cli.method.space import SearchSpace
from entrannas_cli.spaces.files import load_space
from entrannas_cli.spaces.published import PUBLISHED

from .runs import SMALL, in_process, only_run, write_space

STANDARD, EXTENDED = load_space("standard"), load_space("extended")
TWO = SearchSpace(name="two", operations=("skip_connect", "sep_conv_3x3"))  # RobustDARTS' S2
SPACES = [STANDARD, EXTENDED, TWO]
MAX_RATE = 0.05  # rate of false alarms

LABELS = {get_operation(name).label: name for name in operation_names()}


def with_normal_cell(cell: CellGraph) -> Genotype:
    return Genotype(normal=cell, reduce=PUBLISHED["DARTS_V2"].reduce)


def parse_cell(text: str) -> Genotype:
    """Parse a normal cell from "operation source, … | …", one group per node."""
    nodes = [[connection.split() for connection in node.split(",")] for node in text.split("|")]
    return with_normal_cell(
        CellGraph(tuple(tuple(Connection(int(i), LABELS[o]) for o, i in node) for node in nodes))
    )


# Good cells with many skip connections or poolings, published with their error on CIFAR-10.
GOOD = {
    # FairDARTS, fairdarts/genotypes.py (Meituan; commit 270cfc9)
    "GDAS_V1, 2.93 %": "skip 0, skip 1 | skip 0, sep5 2 | sep3 3, skip 0 | sep5 4, sep3 3",
    "SNAS, 2.85 %": "sep3 0, sep3 1 | skip 0, dil3 1 | skip 1, skip 0 | skip 0, sep3 1",
    # DARTS, cnn/genotypes.py; two of ten connections are skips, six have no weights
    "DARTS_V1, 3.00 %": "sep3 1, sep3 0 | skip 0, sep3 1 | skip 0, sep3 1 | sep3 0, skip 2",
    "AmoebaNet-A, 3.34 %": "avg 0, max 1 | sep3 0, sep5 2 | sep3 0, avg 3 | sep3 1, skip 1 | skip 0, avg 1",
    # P-DARTS, genotypes.py; DrNAS, DARTS-space/genotypes.py
    "PDARTS, 2.50 %": "skip 0, dil3 1 | skip 0, sep3 1 | sep3 1, sep3 3 | sep3 0, dil5 4",
    "DrNAS_cifar10, 2.46 %": "sep3 0, sep5 1 | sep3 1, sep3 2 | skip 0, sep3 1 | sep3 2, dil5 3",
}

# RobustDARTS (Zela et al., ICLR 2020: "degenerate architectures"), experiments/search_logs/results_arch.yaml at
# commit 3dec3fe: DARTS in the spaces S1 (CIFAR-10) and S3 (SVHN) by weight decay and seed, without drop-path.
# SmoothDARTS (Chen & Hsieh, ICML 2020), sota/cnn/genotypes.py at commit d3dbfed: PC-DARTS in S2 (SVHN).
COLLAPSED_OF_TWO = {
    "S1, 3e-4, 1": "skip 1, dil3 0 | skip 2, skip 0 | skip 0, skip 2 | skip 2, skip 1",
    "S1, 3e-4, 2": "skip 1, dil3 0 | skip 1, skip 2 | skip 1, skip 2 | skip 2, skip 1",
    "S1, 3e-4, 3": "skip 0, skip 1 | skip 1, skip 2 | skip 2, skip 1 | skip 2, dil3 4",
    "S1, 9e-4, 1": "skip 1, skip 0 | skip 1, skip 0 | skip 3, skip 0 | skip 2, skip 1",
    "S1, 9e-4, 2": "skip 1, skip 0 | skip 1, skip 0 | skip 1, skip 2 | skip 2, skip 1",
    "S1, 9e-4, 3": "skip 1, skip 0 | skip 1, skip 2 | skip 1, skip 3 | skip 2, dil3 3",
    "S1, 27e-4, 2": "skip 0, skip 1 | skip 2, skip 0 | skip 3, skip 1 | skip 2, skip 0",
    "S3, 3e-4, 1": "skip 0, skip 1 | skip 0, skip 1 | skip 0, skip 1 | skip 0, skip 1",  # also seeds 2 and 3
    "S3, 9e-4, 3": "skip 0, sep3 1 | skip 0, skip 1 | skip 0, skip 1 | skip 0, skip 1",
    "svhn_s2_pcdarts": "skip 1, skip 0 | skip 2, skip 1 | skip 2, skip 1 | skip 2, skip 1",
}

# The standard space: MiLeNAS (He et al., CVPR 2020), search_space/genotypes.py at commit 41d75b3: second-order
# DARTS after 200 epochs, when skip connections have taken over (DARTS+, arXiv 1909.06035). The last two are from
# RobustDARTS and SmoothDARTS again: random cells of their own spaces often have as many.
COLLAPSED = {
    "v2_r2_e200": "sep3 0, skip 1 | skip 0, skip 2 | skip 0, skip 2 | skip 0, skip 2",
    "v2_r3_e200": "skip 0, skip 1 | sep3 0, skip 2 | skip 0, skip 1 | sep3 0, skip 1",
    "v2_r4_e200": "skip 0, skip 1 | skip 0, skip 2 | skip 0, skip 2 | max 0, skip 2",
    "v2_r5_e200": "sep3 0, skip 1 | skip 0, skip 2 | sep3 0, skip 2 | max 0, skip 2",
    "S1, 27e-4, 3": "skip 0, skip 1 | skip 2, skip 0 | max 0, skip 2 | skip 2, dil3 3",
    "svhn_s3_pcdarts": "sep3 0, sep3 1 | skip 0, skip 2 | skip 0, skip 2 | skip 0, skip 2",
}


@pytest.mark.parametrize("space", [STANDARD, EXTENDED], ids=lambda space: space.name)
def test_no_warning_on_good_published_cells(space: SearchSpace) -> None:
    cells = PUBLISHED | {name: parse_cell(text) for name, text in GOOD.items()}
    assert [name for name, genotype in cells.items() if collapse_warning(genotype, space)] == []


def test_warns_on_cells_published_as_degenerate() -> None:
    cells = {name: parse_cell(text) for name, text in (COLLAPSED_OF_TWO | COLLAPSED).items()}
    assert [name for name, genotype in cells.items() if not collapse_warning(genotype, STANDARD)] == []


def test_warns_in_the_two_operation_space_of_robustdarts() -> None:
    cells = {name: parse_cell(text) for name, text in COLLAPSED_OF_TWO.items()}
    assert [name for name, genotype in cells.items() if not collapse_warning(genotype, TWO)] == []


def test_message_gives_the_evidence_and_a_suggestion() -> None:
    assert collapse_warning(parse_cell(COLLAPSED["v2_r2_e200"]), STANDARD) == (
        "signs of a collapse: 7 of 8 connections of the normal cell are skip connections (1.1 in a random cell). "
        "Try --set weights.weight_decay=0.0081"
    )
    pooled = parse_cell("max 0, avg 1 | max 0, avg 1 | max 0, skip 1 | avg 0, max 3")
    assert "8 of 8 connections of the normal cell have no weights (3.4 in a" in collapse_warning(
        pooled, STANDARD
    )


def chain(*operations: str) -> Genotype:
    """Return a normal cell with one connection per node."""
    return with_normal_cell(CellGraph(tuple((Connection(n, name),) for n, name in enumerate(operations))))


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_false_alarm_rate_with_independent_operations(space: SearchSpace) -> None:
    """Exact over all numbers of connections, since the warning depends on counts, not on sources."""
    pools = sum(name.endswith("_pool_3x3") for name in space.operations)
    others = len(space.operations) - pools - 1
    for connections in range(1, 25):
        alarms = 0
        for skips in range(connections + 1):
            for pooled in range(connections + 1 - skips if pools else 1):
                rest = connections - skips - pooled
                counts = skips * ["skip_connect"] + pooled * ["max_pool_3x3"] + rest * ["sep_conv_3x3"]
                if collapse_warning(chain(*counts), space):
                    ways = comb(connections, skips) * comb(connections - skips, pooled)
                    alarms += ways * pools**pooled * others**rest
        assert alarms <= MAX_RATE * len(space.operations) ** connections, connections


def random_cells(space: SearchSpace, connections: int, count: int) -> Iterator[Genotype]:
    """Yield distinct cells of a learned topology: one connection per node, the others anywhere."""
    draw = random.Random(connections)
    every = [(j, Connection(i, name)) for i, j in space.edges for name in space.operations]
    for _ in range(count):
        draw.shuffle(every)
        first = {one[0]: one for one in every}
        others = [one for one in every if one is not first[one[0]]]
        chosen = [*first.values(), *others[: connections - len(first)]]
        yield with_normal_cell(
            CellGraph(tuple(tuple(c for k, c in chosen if k == j) for j in space.intermediate))
        )


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("connections", [4, 5, 6, 8, 10, 12, 14])
def test_false_alarm_rate_with_a_learned_topology(space: SearchSpace, connections: int) -> None:
    alarms = sum(
        bool(collapse_warning(genotype, space)) for genotype in random_cells(space, connections, 500)
    )
    assert alarms <= MAX_RATE * 500


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_false_alarm_rate_on_random_cells(space: SearchSpace) -> None:
    alarms = sum(bool(collapse_warning(draw_genotype(space, seed), space)) for seed in range(1000))
    assert alarms <= MAX_RATE * 1000


def test_no_warning_while_a_search_is_dense() -> None:
    everything = tuple(
        tuple(Connection(i, name) for i in range(j) for name in STANDARD.operations)
        for j in STANDARD.intermediate
    )
    assert collapse_warning(with_normal_cell(CellGraph(everything)), STANDARD) == ""


def test_cells_of_any_size() -> None:
    """Probabilities of 12 to the power of 456 overflow a float."""
    names = ("skip_connect", "max_pool_3x3", "avg_pool_3x3")
    nodes = tuple(tuple(Connection(i, name) for i in range(j) for name in names) for j in range(2, 18))
    assert "456 of 456 connections" in collapse_warning(with_normal_cell(CellGraph(nodes)), EXTENDED)


def test_summary_uses_the_searched_space() -> None:
    genotype = parse_cell(COLLAPSED["svhn_s3_pcdarts"])
    target = TargetConfig(cells=3, channels=4)
    (warning,) = derived_summary(genotype, STANDARD, target)["warnings"]
    assert "6 of 8" in warning
    assert derived_summary(genotype, TWO, target)["warnings"] == []


def test_warning_is_logged_once_per_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def biased(config: SearchConfig, space: SearchSpace, *arguments: Any, **keywords: Any) -> BilevelSearch:
        search = build_search(config, space, *arguments, **keywords)
        with torch.no_grad():
            search.architecture.alpha["normal"][:, space.operations.index("skip_connect")] += 10
        return search

    monkeypatch.setattr(run, "build_search", biased)
    write_space(Path.cwd())
    result = in_process("search", *SMALL, "--method", "entrannas", "--epochs", "3")
    warning = "4 of 4 connections of the normal cell are skip connections (1.0 in a random cell)"
    assert result.stderr.count(warning) == 1
    (summarised,) = only_run().summary()["warnings"]
    assert warning in summarised
