"""Published results to compare with: numbers from papers, not runs of this tool."""

from __future__ import annotations

from typing import Any

from .columns import COLUMNS, PUBLISHED, spread_key

__all__ = ["published_rows"]

# method, error % ± its deviation, parameters (M), search cost (GPU-days), source; "–" means not reported
_CIFAR10 = """
DARTS-1st   | 3.00 ± 0.14 | 3.3 | 0.4  | Liu et al., ICLR 2019
DARTS-2nd   | 2.76 ± 0.09 | 3.3 | 1.0  | Liu et al., ICLR 2019
SNAS        | 2.85 ± 0.02 | 2.8 | 1.5  | Xie et al., ICLR 2019
GDAS        | 2.93        | 3.4 | 0.2  | Dong and Yang, CVPR 2019
P-DARTS     | 2.50        | 3.4 | 0.3  | Chen et al., ICCV 2019
PC-DARTS    | 2.57 ± 0.07 | 3.6 | 0.1  | Xu et al., ICLR 2020
FairDARTS   | 2.54 ± 0.05 | 3.8 | 0.4  | Chu et al., ECCV 2020
SDARTS-ADV  | 2.61 ± 0.02 | 3.3 | 1.3  | Chen and Hsieh, ICML 2020
DrNAS       | 2.46 ± 0.03 | 4.1 | 0.6  | Chen et al., ICLR 2021
beta-DARTS  | 2.53 ± 0.08 | 3.8 | 0.4  | Ye et al., CVPR 2022
ISTA-NAS two-stage | –    | –   | 0.05 | Yang et al., NeurIPS 2020
EnTranNAS   | –           | –   | 0.06 | Yang et al., CVPR 2021
"""
_CIFAR10_EXTENDED = """
EnTranNAS   | 2.22        | –   | 0.07 | Yang et al., CVPR 2021 (on its own extended space)
"""
_CIFAR10_MEANS = """
DARTS, mean of searches    | 3.38 ± 0.23 | – | – | ROME, ICCV 2023
PC-DARTS, mean of searches | 2.89 ± 0.22 | – | – | ROME, ICCV 2023
P-DARTS, mean of searches  | 2.81 ± 0.14 | – | – | ROME, ICCV 2023
ISTA-NAS, mean of searches | 2.71 ± 0.10 | – | – | ROME, ICCV 2023
"""
# the same, with multiply-adds (M) before the search cost
_IMAGENET = """
DARTS-2nd     | 26.7 | 4.7 | 574 | –   | Liu et al., ICLR 2019
P-DARTS       | 24.4 | 4.9 | 557 | –   | Chen et al., ICCV 2019
PC-DARTS      | 24.2 | 5.3 | 597 | 3.8 | Xu et al., ICLR 2020
DrNAS         | 23.7 | 5.7 | –   | 4.6 | Chen et al., ICLR 2021
"""
_IMAGENET_OWN = """
EnTranNAS-DST | 23.8 | –   | 594 | 2.1 | Yang et al., CVPR 2021
"""
_TABLES = (  # data set, space, rows; "their extended" isn't our extended space
    ("cifar10", "standard", _CIFAR10),
    ("cifar10", "their extended", _CIFAR10_EXTENDED),
    ("cifar10", "standard", _CIFAR10_MEANS),
    ("imagenet", "standard", _IMAGENET),
    ("imagenet", None, _IMAGENET_OWN),  # not reported
)


def published_rows() -> list[dict[str, Any]]:
    """Return one row per result, by column key, with numbers in the columns' units.

    Each has a ``source``.
    """
    return [_row(data, space, line) for data, space, table in _TABLES for line in table.strip().splitlines()]


def _row(dataset: str, space: str | None, line: str) -> dict[str, Any]:
    name, error, parameters, *multiply_adds, cost, source = (part.strip() for part in line.split("|"))
    mean, _, deviation = error.partition(" ± ")
    numbers = {
        "test_error": mean,
        spread_key("test_error"): deviation,
        "parameters": parameters,
        "multiply_adds": multiply_adds[0] if multiply_adds else "",
        "search_gpu_days": cost,
    }
    return {
        **dict.fromkeys(COLUMNS),
        "run": name,
        "kind": PUBLISHED,
        "state": PUBLISHED,
        "space": space,
        "method": name,
        "dataset": dataset,
        **{key: float(text) if text not in ("", "–") else None for key, text in numbers.items()},
        "source": source,
    }
