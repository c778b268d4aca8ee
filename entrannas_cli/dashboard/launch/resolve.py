"""Resolve the configuration of a draft as its command would, in a process without torch."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from ...common.errors import UsageError
from .draft import Draft

if TYPE_CHECKING:
    from ...config.resolve import Resolved
    from ...config.search import SearchConfig
    from ...config.train import TrainConfig
    from ...store.run import Run

__all__ = ["resolve"]


def resolve(
    draft: Draft, seed: int | None = None, cells_from: Run | None = None
) -> Resolved[SearchConfig] | Resolved[TrainConfig]:
    """Resolve ``draft`` as `entrannas search` and `entrannas train` do. Raises ``UsageError`` with all problems."""
    try:
        os.getcwd()  # noqa: PTH109
    except OSError:
        raise UsageError("the working directory is gone: start the dashboard in another one") from None
    from ...config.resolve import resolve_search, resolve_train
    from ...engine.preflight import cuda_in_a_child, request_here
    from ...engine.search import create as create_search
    from ...engine.train import create as create_train

    choose = (create_search if draft.kind == "search" else create_train).choose_preset
    request = request_here(
        {**draft.flags, "seed": seed},
        draft.overrides,
        None,
        partial(choose, has_cuda=cuda_in_a_child),
        cells_from,
    )
    return resolve_search(request) if draft.kind == "search" else resolve_train(request)
