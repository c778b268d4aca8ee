"""Checks before a run is created: the request, the preset for `auto`, and the data.

Loads torch only if the preset depends on a GPU.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common.errors import UsageError
from ..common.files import BrokenRun
from ..common.text import plain
from ..data.availability import CIFAR, cifar_found, cifar_or_complain

if TYPE_CHECKING:
    from ..config.resolve import ChoosePreset, ConfigRequest
    from ..config.shared import DataConfig
    from ..data.types import Progress
    from ..store.run import Run

__all__ = ["automatic_preset", "cuda_here", "cuda_in_a_child", "data_of", "request_here", "require_data"]

SMALL = "quick"
EMBEDDED = ("digits", "synthetic")  # small images, which CIFAR's cutout would blank

TIMEOUT_S = 120  # the first import of torch from a slow disk takes long
DATA_KEYS = ("dataset", "path", "image_size", "crop_padding", "flip", "classes", "images")


def request_here(
    flags: Mapping[str, object],
    overrides: Sequence[str] | None,
    config: Path | None,
    choose_preset: ChoosePreset,
    searched: Run | None = None,
) -> ConfigRequest:
    """Return the configuration request for this environment; ``searched`` is the run that the cells are from."""
    from ..config.resolve import ConfigRequest

    return ConfigRequest(
        flags=flags,
        overrides=overrides or [],
        environ=os.environ,
        cwd=Path.cwd(),
        choose_preset=choose_preset,
        config_file=config,
        inherited={} if searched is None else data_of(searched),
        inherited_from="" if searched is None else f"run {plain(searched.id)}",
    )


def data_of(run: Run) -> dict[str, object]:
    """Return the settings of ``run``'s images and how they are augmented, by dotted key; {} if unreadable."""
    try:
        data = run.config().get("data")
    except BrokenRun:
        return {}
    return {f"data.{key}": data[key] for key in DATA_KEYS if key in data} if isinstance(data, dict) else {}


def cuda_here() -> bool:
    """Return whether torch has a CUDA GPU. Loads torch into this process."""
    import torch  # takes seconds

    return torch.cuda.is_available()


@cache
def cuda_in_a_child() -> bool:
    """Return :func:`cuda_here`, asked once in a child process: for programs that must not load torch."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "from entrannas_cli.engine.preflight import cuda_here\nsys.exit(0 if cuda_here() else 1)"
    )
    try:
        result = subprocess.run(
            [sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0


def automatic_preset(
    settings: Mapping[str, Any], full: str, has_cuda: Callable[[], bool] = cuda_here
) -> tuple[str, str]:
    """Return the preset for `auto`, and why: ``full`` with a CUDA GPU and CIFAR-10, otherwise `quick`.

    Embedded data sets also get `quick`: they need no CIFAR recipe. ``settings`` are the explicit values by dotted
    key; ``has_cuda`` is called only if the answer depends on a GPU.
    """
    dataset, path = settings.get("data.dataset", "cifar10"), settings.get("data.path")
    if dataset in EMBEDDED:
        return SMALL, f"the data set is {dataset}"
    folder = path if dataset == "cifar10" and isinstance(path, str) else ""
    if cifar_found("cifar10", folder) is None:
        return SMALL, "CIFAR-10 is not on this machine"
    device = settings.get("device.device", "auto")
    if isinstance(device, str) and not device.startswith(("auto", "cuda")):
        return SMALL, f"the device is {plain(device)}"
    if not has_cuda():
        return SMALL, "there is no CUDA GPU"
    return full, "a CUDA GPU and CIFAR-10 are available"


def require_data(
    config: DataConfig,
    *,
    test: bool = False,
    download: bool = False,
    progress: Progress | None = None,
) -> None:
    """Make sure before a start that the data is there: the training part and, with ``test``, the test part.

    With ``download``, CIFAR is downloaded. Raises ``UsageError`` that says how to get the data, ``RunFailed`` if
    the download fails.
    """
    if config.dataset in CIFAR:
        if download:
            from ..data.cifar import fetch_cifar

            fetch_cifar(config.dataset, config.path, progress)
        else:
            cifar_or_complain(config.dataset, config.path)
    elif config.dataset == "folder":
        from ..data.folder import list_folder

        folder = Path(config.path).expanduser()
        list_folder(folder, "train", config.image_size)
        if test:
            try:
                list_folder(folder, "test", config.image_size)
            except UsageError as error:
                hint = "a training ends by scoring the test part; to skip it: --set evaluation.test=false"
                raise UsageError(error.message, [*error.details, hint]) from None
