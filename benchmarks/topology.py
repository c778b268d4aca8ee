"""Cells that the sparsification derives from random α, by the ratio of spread to temperature and by the threshold.

    python benchmarks/topology.py [--space extended] [--draws N]

Prints a Markdown table of the mean number of surviving edges per cell, and of operations per surviving edge.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from entrannas_cli.method.architecture import operation_weights, sparsify, spread
from entrannas_cli.spaces.files import load_space

RATIOS = (0.2, 0.35, 0.5, 1.0, 2.0, 3.5, 10.0, 28.0)
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", default="standard")
    parser.add_argument("--draws", type=int, default=200)
    args = parser.parse_args()
    space = load_space(args.space)
    generator = torch.Generator().manual_seed(0)
    print("| spread / τ | " + " | ".join(f"t = {t}" for t in THRESHOLDS) + " |")
    print("|---" * (len(THRESHOLDS) + 1) + "|")
    for ratio in RATIOS:
        alphas = torch.randn(args.draws, len(space.edges), len(space.operations), generator=generator)
        cells = []
        for t in THRESHOLDS:
            thresholds = torch.full((space.nodes,), t)
            kept = torch.stack(
                [
                    sparsify(operation_weights(alpha, spread(alpha) / ratio), thresholds, space) > 0
                    for alpha in alphas
                ]
            )
            edges, operations = float(kept.any(dim=2).sum()), float(kept.sum())
            cells.append(f"{edges / args.draws:.1f} x {operations / edges:.2f}")
        print(f"| {ratio:g} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
