"""Creates the run directory of a search from a resolved configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...common.text import plain
from ...spaces.files import load_space, space_to_toml
from ...store.create import create_run
from ...store.run import CONFIG_FILE, SPACE_FILE, Run
from ..preflight import automatic_preset, cuda_here

if TYPE_CHECKING:
    from ...config.resolve import Resolved
    from ...config.search import SearchConfig

__all__ = ["PAPER_HINT", "choose_preset", "prepare_search"]

PAPER_HINT = "the paper's search: entrannas search --preset paper --download"


def choose_preset(
    settings: Mapping[str, Any], *, has_cuda: Callable[[], bool] = cuda_here
) -> tuple[str, str]:
    """Return the preset that `--preset auto` chooses on this machine, and why."""
    return automatic_preset(settings, "paper", has_cuda)


def prepare_search(
    resolved: Resolved[SearchConfig], runs_dir: Path, *, name: str | None = None, command: str = ""
) -> Run:
    """Create a run directory with everything the search needs; ``command`` is the command line to record.

    Raises ``UsageError`` for a bad name, an unreadable space, or an unusable folder.
    """
    from ...config.resolve import print_config

    config = resolved.config
    space = resolved.space or load_space(config.space)
    return create_run(
        runs_dir,
        space=space.name,
        method=config.method,
        seed=config.seed,
        name=name,
        files={
            CONFIG_FILE: f"# {plain(command)}\n{print_config(resolved)}",
            SPACE_FILE: space_to_toml(space),
        },
    )
