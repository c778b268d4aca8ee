"""The process of one subject: ``python -m entrannas_cli.bench.subject_process``, started by ``remote``."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from .case import Case, search_config, train_config
from .remote import Subject, serve

__all__ = ["COMMAND", "open_subject"]

COMMAND = ("-m", "entrannas_cli.bench.subject_process")


@contextmanager
def open_subject(specification: dict[str, Any]) -> Generator[Subject]:
    """Open the subject of a case or, with ``rates``, the one that measures the case's device."""
    case = Case(**specification["case"])
    if specification.get("rates"):
        from ..engine.device import resolve_compute
        from .rates import DeviceRates

        config = (train_config if case.kind == "train" else search_config)(case)[0]
        yield DeviceRates(resolve_compute(config.device))
    elif case.kind == "search":
        from .search_subject import open_search

        with open_search(case) as search:
            yield search
    elif case.kind == "train":
        from .training_subject import open_training

        with open_training(case) as training:
            yield training
    else:
        from .data_subject import open_data

        with open_data(case) as data:
            yield data


if __name__ == "__main__":
    serve(open_subject)
