"""Depthwise convolutions: same outputs and gradients as torch's own."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from entrannas_cli.method.fast.depthwise import Depthwise


def plain_and_depthwise(
    channels: int, kernel: int, stride: int = 1, dilation: int = 1
) -> tuple[nn.Conv2d, Depthwise]:
    plain = nn.Conv2d(
        channels,
        channels,
        kernel,
        stride,
        dilation * (kernel // 2),
        dilation,
        groups=channels,
        bias=False,
        dtype=torch.float64,
    )
    fast = Depthwise.like(plain)
    assert fast is not None
    assert fast.weight is plain.weight
    return plain, fast


@given(
    kernel=st.sampled_from([1, 3, 5, 7]),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
    channels=st.integers(1, 5),
    height=st.integers(1, 11),
    width=st.integers(1, 11),
    last=st.booleans(),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=60, deadline=None)
def test_depthwise_equals_the_convolution(
    kernel: int, stride: int, dilation: int, channels: int, height: int, width: int, last: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    plain, module = plain_and_depthwise(channels, kernel, stride, dilation)
    layout = torch.channels_last if last else torch.contiguous_format
    x = torch.randn(2, channels, height, width, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    expected, found = plain(x), module(x)
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)
    towards = torch.randn_like(expected)
    wanted = torch.autograd.grad(expected, (x, module.weight), towards)
    for ours, theirs in zip(torch.autograd.grad(found, (x, module.weight), towards), wanted, strict=True):
        assert ours.shape == theirs.shape
        assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(5, 1, 1), (5, 2, 1), (3, 1, 2), (5, 2, 2)])
def test_gradients_match_finite_differences(kernel: int, stride: int, dilation: int) -> None:
    _, module = plain_and_depthwise(2, kernel, stride, dilation)
    x = torch.randn(1, 2, 6, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(module, (x,))


def test_gradients_in_mixed_precision() -> None:
    module = Depthwise.like(nn.Conv2d(4, 4, 5, padding=2, groups=4, bias=False))
    assert module is not None
    x = torch.randn(2, 4, 8, 8, requires_grad=True)
    exact = torch.autograd.grad(module(x).square().sum(), (x, module.weight))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = module(x)
    assert y.dtype == torch.bfloat16
    found = torch.autograd.grad(y.float().square().sum(), (x, module.weight))
    for ours, theirs in zip(found, exact, strict=True):
        assert ours.dtype == torch.float32
        assert torch.allclose(ours, theirs, rtol=0.05, atol=0.05 * float(theirs.abs().max()))


def test_only_requested_gradients_are_computed() -> None:
    _, module = plain_and_depthwise(3, 5)
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    module(x).sum().backward()
    assert module.weight.grad is not None
    module.requires_grad_(False)
    x.requires_grad_()
    module.weight.grad = None
    module(x).sum().backward()
    assert x.grad is not None
    assert module.weight.grad is None


@pytest.mark.parametrize(
    "other",
    [
        nn.Conv2d(4, 4, 3, padding=1, bias=False),
        nn.Conv2d(4, 4, 3, padding=1, groups=4),
        nn.Conv2d(4, 8, 3, padding=1, groups=4, bias=False),
        nn.Conv2d(4, 4, 4, padding=2, groups=4, bias=False),
        nn.Conv2d(4, 4, (3, 5), padding=(1, 2), groups=4, bias=False),
        nn.Conv2d(4, 4, 3, padding=0, groups=4, bias=False),
        nn.Conv2d(4, 4, 3, padding="same", groups=4, bias=False),
        nn.Conv2d(4, 4, 3, (1, 2), padding=1, groups=4, bias=False),
        nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False, padding_mode="circular"),
    ],
    ids=str,
)
def test_other_convolutions_are_unchanged(other: nn.Conv2d) -> None:
    assert Depthwise.like(other) is None
