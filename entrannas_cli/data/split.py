"""Stratified splits: parts of a labelled set with the same mix of classes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["generator_for", "stratified_split"]


def generator_for(*key: str | int) -> torch.Generator:
    """Return a random generator for ``key``, the same in each process and independent of torch's global one."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little", signed=True))


def stratified_split(labels: Tensor, fractions: Sequence[float], seed: int) -> list[Tensor]:
    """Split ``range(len(labels))`` into disjoint random parts, each with its share of each class.

    ``labels`` (N,) are class indices. Part p gets ``fractions[p]`` of each class, rounded so that the part as a
    whole also has the right size (largest remainder, with the rounding error carried over to later classes).
    Fractions that sum to 1 leave nothing over. Returns one tensor of sorted indices per part, which depend on
    ``labels``, ``fractions`` and ``seed`` alone. Raises ``ValueError`` if fractions are negative or sum to more
    than 1.
    """
    rest = round(1 - sum(fractions), 9)
    if rest < 0 or any(fraction < 0 for fraction in fractions):
        raise ValueError(f"fractions {list(fractions)} are not shares of a whole")
    order = torch.randperm(len(labels), generator=generator_for(seed, "split"))
    order = order[torch.argsort(labels[order], stable=True)]  # class by class, shuffled within each
    counts = torch.bincount(labels).tolist()

    parts: list[list[Tensor]] = [[] for _ in fractions]
    owed = [0.0] * (len(fractions) + 1)
    for members, count in zip(torch.split(order, counts), counts, strict=True):
        sizes = _apportion(count, [*fractions, rest], owed)
        for part, chosen in zip(parts, torch.split(members, sizes), strict=False):
            part.append(chosen)
    return [torch.cat(part).sort().values if part else order for part in parts]


def _apportion(count: int, fractions: Sequence[float], owed: list[float]) -> list[int]:
    """Divide ``count`` into whole numbers; ``owed`` (updated) is what each part is short of so far."""
    quotas = [round(count * fraction, 6) for fraction in fractions]  # rounded: 0.1 * 30 is 3
    sizes = [int(quota) for quota in quotas]
    fractional = [part for part, quota in enumerate(quotas) if quota > sizes[part]]
    fractional.sort(key=lambda part: -(quotas[part] - sizes[part] + owed[part]))
    for part in fractional[: count - sum(sizes)]:
        sizes[part] += 1
    for part, quota in enumerate(quotas):
        owed[part] += quota - sizes[part]
    return sizes
