"""Before a run is made, of whatever kind: which preset `auto` means here, and whether the data is there.

Loads no torch unless the preset depends on a GPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .data.availability import CIFAR, cifar_found, cifar_or_complain
from .errors import UsageError
from .wording import plain

if TYPE_CHECKING:
    from .config.shared import DataConfig
    from .data.datasets import Progress

__all__ = ["automatic_preset", "require_data"]

SMALL = "quick"
EMBEDDED = ("digits", "synthetic")  # small images: CIFAR's cutout would blank them


def automatic_preset(settings: Mapping[str, Any], full: str) -> tuple[str, str]:
    """What `auto` stands for on this machine, and why: ``full`` with a CUDA GPU and CIFAR-10, else `quick`.

    `quick` too for images that need no recipe of CIFAR's. ``settings`` are the values that are set, by dotted key.
    """
    dataset, path = settings.get("data.dataset", "cifar10"), settings.get("data.path")
    if dataset in EMBEDDED:
        return SMALL, f"the data set is {dataset}"
    own = path if dataset == "cifar10" and isinstance(path, str) else ""
    if cifar_found("cifar10", own) is None:
        return SMALL, "CIFAR-10 is not on this machine"
    device = settings.get("device.device", "auto")
    if isinstance(device, str) and not device.startswith(("auto", "cuda")):
        return SMALL, f"the device is {plain(device)}"
    import torch  # only now: it takes seconds

    if not torch.cuda.is_available():
        return SMALL, "there is no CUDA GPU"
    return full, "there are a CUDA GPU and CIFAR-10"


def require_data(
    config: DataConfig,
    *,
    test: bool = False,
    download: bool = False,
    progress: Progress | None = None,
) -> None:
    """Makes sure that the data is there, before anything is started: the training part, and the ``test`` part.

    CIFAR is fetched if ``download`` says so.

    Raises ``UsageError`` that says how to get it, ``RunFailed`` if the download fails.
    """
    if config.dataset in CIFAR:
        if download:
            from .data.cifar import fetch_cifar

            fetch_cifar(config.dataset, config.path, progress)
        else:
            cifar_or_complain(config.dataset, config.path)
    elif config.dataset == "folder":
        from .data.folder import list_folder

        folder = Path(config.path).expanduser()
        list_folder(folder, "train", config.image_size)
        if test:
            try:
                list_folder(folder, "test", config.image_size)
            except UsageError as error:
                way_out = "a training ends by scoring the test part; without one: --set evaluation.test=false"
                raise UsageError(error.message, [*error.details, way_out]) from None
