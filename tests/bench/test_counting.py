"""Multiply-adds are exact for any set of gradients; bytes count both reads and writes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from entrannas_cli.bench.counting import Work, count_work, work_at
from entrannas_cli.method.complexity import multiply_adds
from entrannas_cli.method.network import DerivedNetwork, SuperNet
from entrannas_cli.spaces.files import load_space
from entrannas_cli.spaces.published import PUBLISHED

BATCH = 3


@given(
    groups=st.sampled_from([1, 2, 8]),
    kernel=st.sampled_from([1, 3, 5]),
    stride=st.sampled_from([1, 2]),
    dilation=st.sampled_from([1, 2]),
    of_x=st.booleans(),
    of_weight=st.booleans(),
)
def test_each_convolution_gradient_costs_as_much_as_the_forward_pass(
    groups: int, kernel: int, stride: int, dilation: int, of_x: bool, of_weight: bool
) -> None:
    layer = nn.Conv2d(8, 16, kernel, stride, dilation * (kernel // 2), dilation, groups, bias=False)
    layer.weight.requires_grad_(of_weight)
    x = torch.randn(BATCH, 8, 9, 9, requires_grad=of_x)

    def step() -> None:
        y = layer(x)
        if of_x or of_weight:
            y.sum().backward()

    side = -(-9 // stride)
    once = BATCH * 16 * side * side * (8 // groups) * kernel * kernel
    work = count_work(step)
    assert work.forward == once
    assert work.backward == once * (of_x + of_weight)
    assert work.multiply_adds == work.forward + work.backward


def test_matrix_products_and_linear_layers_are_counted() -> None:
    linear = nn.Linear(5, 7)
    x = torch.randn(BATCH, 5, requires_grad=True)
    work = count_work(lambda: linear(x).sum().backward())
    assert (work.forward, work.backward) == (BATCH * 5 * 7, 2 * BATCH * 5 * 7)
    assert count_work(lambda: torch.randn(2, 3) @ torch.randn(3, 4)).forward == 2 * 3 * 4
    assert count_work(lambda: torch.randn(6, 2, 3) @ torch.randn(6, 3, 4)).forward == 6 * 2 * 3 * 4


def test_super_net_costs_as_much_as_its_derived_network() -> None:
    space = load_space("standard")
    supernet = SuperNet(space, classes=10, channels=4, cells=5)
    genotype = PUBLISHED["DARTS_V2"]
    images = torch.randn(BATCH, 3, 16, 16)
    work = count_work(lambda: supernet(images, genotype))
    derived = DerivedNetwork.inheriting(supernet, genotype)
    assert work == Work(BATCH * multiply_adds(derived, (3, 16, 16)), 0, work.bytes)


@pytest.mark.parametrize(
    ("step", "floats"),
    [
        (lambda x: F.relu(x), 200),
        (lambda x: x.add_(1), 200),
        (lambda x: x.view(10, 10), 0),
        (lambda x: x.expand(7, 100), 0),
        (lambda x: torch.stack([x, x]), 400),
        (lambda x: torch.empty(50), 0),
        (lambda x: torch._foreach_add_([x, x.clone()], 1.0), 200 + 400),
    ],
)
def test_bytes_count_reads_and_writes(step: object, floats: int) -> None:
    x = torch.ones(100)
    assert count_work(lambda: step(x)).bytes == 4 * floats  # type: ignore[operator]


def test_expanded_tensor_is_read_once() -> None:
    x = torch.ones(1, 100).expand(7, 100)
    assert count_work(lambda: x + 1).bytes == 4 * (100 + 700)


def test_work_of_a_large_batch_is_extrapolated_from_small_ones() -> None:
    def counted(size: int) -> Work:
        layer = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1))
        x = torch.randn(size, 3, 8, 8)
        return count_work(lambda: layer(x).sum().backward())

    assert work_at(24, counted) == counted(24)
