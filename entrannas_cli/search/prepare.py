"""From a resolved configuration to a new run directory. Loads no torch unless the preset depends on a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.availability import CIFAR, cifar_found, cifar_or_complain
from ..spaces import load_space, space_to_toml
from ..store.create import create_run
from ..store.run import CONFIG_FILE, SPACE_FILE, Run
from ..wording import plain

if TYPE_CHECKING:
    from ..config.resolve import Resolved
    from ..config.shared import DataConfig
    from ..data.datasets import Progress

__all__ = ["PAPER_HINT", "choose_preset", "prepare_search", "require_data"]

PAPER_HINT = "the paper's search: entrannas search --preset paper --download"


def choose_preset(settings: Mapping[str, Any]) -> tuple[str, str]:
    """What `--preset auto` stands for on this machine, and why: `paper` with a CUDA GPU and CIFAR-10.

    ``settings`` are the values set by the user, by dotted key.
    """
    dataset, path = settings.get("data.dataset", "cifar10"), settings.get("data.path")
    own = path if dataset == "cifar10" and isinstance(path, str) else ""
    if cifar_found("cifar10", own) is None:
        return "quick", "CIFAR-10 is not on this machine"
    device = settings.get("device.device", "auto")
    if isinstance(device, str) and not device.startswith(("auto", "cuda")):
        return "quick", f"the device is {plain(device)}"
    import torch  # only now: it takes seconds

    if not torch.cuda.is_available():
        return "quick", "there is no CUDA GPU"
    return "paper", "there are a CUDA GPU and CIFAR-10"


def require_data(config: DataConfig, *, download: bool = False, progress: Progress | None = None) -> None:
    """Makes sure that the data is there, before anything is started; CIFAR is fetched if ``download`` says so.

    Raises ``UsageError`` that says how to get it, ``RunFailed`` if the download fails.
    """
    if config.dataset in CIFAR:
        if download:
            from ..data.cifar import fetch_cifar

            fetch_cifar(config.dataset, config.path, progress)
        else:
            cifar_or_complain(config.dataset, config.path)
    elif config.dataset == "folder":
        from ..data.folder import list_folder

        list_folder(Path(config.path).expanduser(), "train", config.image_size)


def prepare_search(resolved: Resolved, runs_dir: Path, *, name: str | None = None, command: str = "") -> Run:
    """Claims a run directory that holds all that the search needs to know; ``command`` is how it was asked for.

    Raises ``UsageError`` for a bad name, a space that can't be read or a folder that can't be used.
    """
    from ..config.resolve import print_config

    config = resolved.config
    space = load_space(config.space)
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
