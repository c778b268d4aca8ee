"""Depthwise convolutions with torch's gradients and with ours: ``python benchmarks/depthwise.py [--repeats N]``.

Times the forward and backward pass of each kind of depthwise convolution of our spaces at CIFAR's sizes,
alternating between both. Prints the median milliseconds of each and the median ratio, and checks that the gradients
agree.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from pathlib import Path

import torch
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from entrannas_cli.method.fast.depthwise import Depthwise  # noqa: E402

KINDS = {  # name → (kernel, dilation)
    "sep_conv_3x3": (3, 1),
    "sep_conv_5x5": (5, 1),
    "sep_conv_7x7": (7, 1),
    "dil_conv_3x3": (3, 2),
    "dil_conv_5x5": (5, 2),
}
SIZES = ((16, 32, 1), (32, 32, 2), (32, 16, 1), (64, 16, 2), (64, 8, 1))  # channels, side, stride


def gradients(layer: nn.Conv2d, x: torch.Tensor, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return the gradients of the input and of the weights."""
    return torch.autograd.grad(layer(x), (x, layer.weight), gradient)


def main() -> None:
    """Measure each convolution and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=7, help="measurements of each (7)")
    parser.add_argument("--batch-size", type=int, default=64, help="images per batch (64)")
    parser.add_argument(
        "--contiguous", action="store_true", help="contiguous format instead of channels_last"
    )
    args = parser.parse_args()
    layout = torch.contiguous_format if args.contiguous else torch.channels_last
    threads = torch.get_num_threads()
    print(f"torch {torch.__version__}, Python {platform.python_version()}, {threads} threads, {layout}")
    print(f"{'':14}{'channels':>9}{'side':>6}{'stride':>7}{'torch ms':>11}{'ours ms':>10}{'ratio':>8}")
    for name, (kernel, dilation) in KINDS.items():
        for channels, side, stride in SIZES:
            plain = nn.Conv2d(
                *(channels, channels, kernel, stride, dilation * (kernel // 2), dilation, channels),
                bias=False,
            ).to(memory_format=layout)
            ours = Depthwise.like(plain)
            assert ours is not None
            x = torch.randn(args.batch_size, channels, side, side).contiguous(memory_format=layout)
            x.requires_grad_()
            gradient = torch.randn_like(plain(x))
            for found, expected in zip(
                gradients(ours, x, gradient), gradients(plain, x, gradient), strict=True
            ):
                torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
            seconds: dict[nn.Conv2d, list[float]] = {plain: [], ours: []}
            for number in range(args.repeats):
                for layer in (plain, ours) if number % 2 else (ours, plain):
                    start = time.perf_counter()
                    gradients(layer, x, gradient)
                    seconds[layer].append(time.perf_counter() - start)
            ratio = statistics.median(a / b for a, b in zip(seconds[plain], seconds[ours], strict=True))
            torch_ms, our_ms = (1000 * statistics.median(times) for times in seconds.values())
            print(
                f"{name:14}{channels:>9}{side:>6}{stride:>7}{torch_ms:>11.2f}{our_ms:>10.2f}{ratio:>8.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
