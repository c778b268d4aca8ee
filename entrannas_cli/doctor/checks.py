"""The checks of ``entrannas doctor``. Nothing here loads torch; ``probe`` does."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Literal

from .. import __version__
from ..common.errors import EntrannasError
from ..common.numbers import bytes_text
from ..common.text import first_line, safe
from .probe import ask_torch

__all__ = ["Finding", "Level", "examine"]

Level = Literal["ok", "note", "warning", "broken"]
MIN_FREE_BYTES = 50 * 10**6  # a run of the smallest preset with its checkpoints
ENOUGH_FREE_BYTES = 2 * 10**9
ENOUGH_MEMORY_BYTES = 2 * 2**30
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
BARE_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Finding:
    """One line of output: ``level`` "broken" means that no search can run; ``fix`` is the suggested fix."""

    section: str
    name: str
    value: str
    level: Level = "ok"
    fix: str = ""


def examine(runs_dir: Path | None = None) -> list[Finding]:
    """Return all findings, section by section. ``runs_dir`` is the value of ``--runs-dir``."""
    torch = ask_torch()
    return [
        *_software(torch),
        *_devices(torch),
        *_machine(torch),
        *_data(),
        *_folders(runs_dir),
        *_terminal(),
        *_choices(torch),
    ]


# software


def _software(torch: dict[str, Any]) -> Iterator[Finding]:
    section = "software"
    yield Finding(section, "entrannas", __version__)
    yield Finding(section, "python", f"{platform.python_version()}, {sys.executable}")
    yield Finding(section, "platform", platform.platform())
    missing = []
    versions = []
    for name in _required():
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    yield Finding(section, "packages", ", ".join(versions))
    if missing:
        fix = f"pip install {' '.join(missing)}"
        yield Finding(section, "missing", ", ".join(missing), "broken", fix)
    yield from _torch(torch)
    for name, problem in torch.get("operations", {}).items():
        if problem:
            fix = "fix or remove the package that provides it"
            yield Finding(section, f"operation {name}", safe(problem), "warning", fix)
        else:
            yield Finding(section, f"operation {name}", "from an installed package")


def _required() -> list[str]:
    """Return the names of the required packages, without extras."""
    try:
        lines = requires("entrannas") or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        return ["torch", "torchvision", "numpy", "typer", "rich", "pydantic"]
    names = [BARE_REQUIREMENT.match(line) for line in lines if "extra ==" not in line]
    return sorted(match[0].lower() for match in names if match)


def _torch(torch: dict[str, Any]) -> Iterator[Finding]:
    section, fix = "software", "pip install --force-reinstall torch torchvision"
    if "error" in torch:
        yield Finding(section, "torch", f"cannot be imported: {safe(torch['error'])}", "broken", fix)
        return
    build = torch.get("build", {})
    gpu_build = (
        f"CUDA {build['cuda']}" if build.get("cuda") else f"ROCm {build['hip']}" if build.get("hip") else ""
    )
    parts = [gpu_build or "CPU only", f"CPU kernels {build['cpu_capability']}"] if build else []
    yield Finding(section, "torch", f"{torch['version']}{' for ' * bool(parts)}{', '.join(parts)}")
    if "torchvision" in torch.get("problems", {}):
        problem = safe(torch["problems"]["torchvision"])
        fault = f"cannot be imported: {problem}"
        yield Finding(section, "torchvision", fault, "broken", "pip install --upgrade torch torchvision")


# devices and machine


def _devices(torch: dict[str, Any]) -> Iterator[Finding]:
    section = "devices"
    for device in torch.get("devices", []):
        parts = [device["name"], f"{bytes_text(device['memory'])} memory"]
        if device.get("free") is not None:
            parts.append(f"{bytes_text(device['free'])} free")
        if device.get("bf16") is not None:
            parts.append("bf16" if device["bf16"] else "no bf16")
        yield Finding(section, device["device"], ", ".join(parts))
    if "devices" in torch.get("problems", {}):
        fault = first_line(torch["problems"]["devices"])
        fix = "install the torch build that matches the driver, or search with --device cpu"
        yield Finding(section, "gpu", f"found, but unusable: {fault}", "warning", fix)
    elif not torch.get("devices") and "error" not in torch:
        if _has_nvidia_gpu():
            fault = "this machine has an NVIDIA GPU, but this torch cannot use it"
            fix = "install a CUDA build of torch and a driver that is new enough for it"
            yield Finding(section, "gpu", fault, "warning", fix)
        else:
            yield Finding(section, "gpu", "none", "note")


def _has_nvidia_gpu() -> bool:
    return Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None


def _machine(torch: dict[str, Any]) -> Iterator[Finding]:
    import psutil

    section = "machine"
    cores = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    share = f" ({usable} of them for this process)" if usable < cores else ""
    threads = f", torch uses {torch['threads']} threads" if "threads" in torch else ""
    yield Finding(section, "cpu", f"{cores} cores{share}{threads}")
    memory = psutil.virtual_memory()
    limit = _memory_limit()
    total, available = memory.total, memory.available
    text = f"{bytes_text(total)}, {bytes_text(available)} available"
    if limit is not None and limit < total:
        text += f", limited to {bytes_text(limit)} by the container"
    scarce = min(available, limit or available) < ENOUGH_MEMORY_BYTES
    fix = "end other programs, or search with a smaller --batch-size"
    yield Finding(section, "memory", text, "warning" if scarce else "ok", fix if scarce else "")


def _memory_limit() -> int | None:
    """Return the container's memory limit in bytes, or None."""
    for path in CGROUP_LIMITS:
        try:
            text = Path(path).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            continue
        if text.isdecimal():
            return int(text)
    return None


# data, folders


def _data() -> Iterator[Finding]:
    from ..data.availability import CIFAR, DATASETS, cifar_found
    from ..spaces.files import load_space, space_names

    for dataset in DATASETS:
        if dataset.name in CIFAR:
            found = cifar_found(dataset.name)
            text = f"in {safe(str(found.absolute()))}" if found else "missing"
            fix = "" if found else f"entrannas data prepare {dataset.name}"
            yield Finding("data sets", dataset.name, text, "ok" if found else "note", fix)
        else:
            yield Finding("data sets", dataset.name, dataset.text)
    for name in space_names():
        try:
            space = load_space(name)
        except EntrannasError as error:
            yield Finding("search spaces", name, safe(error.message), "broken", "install entrannas again")
        else:
            text = f"{len(space.operations)} operations, {space.nodes} nodes"
            yield Finding("search spaces", name, text)


def _folders(flag: Path | None) -> Iterator[Finding]:
    from ..config.project import find_config_file, runs_dir

    section = "places"
    file = find_config_file(Path.cwd())
    yield Finding(section, "entrannas.toml", safe(str(file)) if file else "none", "ok" if file else "note")
    variables = sorted(name for name in os.environ if name.startswith("ENTRANNAS_"))
    if variables:
        yield Finding(section, "environment", ", ".join(map(safe, variables)), "note")
    try:
        folder = runs_dir(flag)
    except EntrannasError as error:
        yield Finding(section, "runs", safe(error.message), "broken", "fix entrannas.toml, or use --runs-dir")
        return
    yield from _runs_folder(folder)


def _runs_folder(folder: Path) -> Iterator[Finding]:
    section, shown = "places", safe(str(folder))
    existing = next(path for path in [folder, *folder.parents] if path.exists())
    fix = "choose another folder with --runs-dir DIR or the variable ENTRANNAS_RUNS_DIR"
    if not existing.is_dir():
        fault = f"{shown}: {safe(str(existing))} is a file"
        yield Finding(section, "runs", fault, "broken", fix)
        return
    try:
        with tempfile.TemporaryFile(dir=existing, prefix=".entrannas-doctor-"):
            pass
    except OSError as error:
        fault = f"{shown}: not writable: {error.strerror or error}"
        yield Finding(section, "runs", fault, "broken", fix)
    else:
        new = "" if existing == folder else ", created by the first run"
        yield Finding(section, "runs", f"{shown}: writable{new}")
    free = shutil.disk_usage(existing).free
    level: Level = "broken" if free < MIN_FREE_BYTES else "warning" if free < ENOUGH_FREE_BYTES else "ok"
    fix = "" if level == "ok" else "free some space, or choose another folder with --runs-dir"
    yield Finding(section, "disk", f"{bytes_text(free)} free there", level, fix)


# terminal, choices


def _terminal() -> Iterator[Finding]:
    from ..render.terminal import ascii_only, console_for, why_plain

    section, console = "terminal", console_for(sys.stderr)
    kind = os.environ.get("TERM") or "TERM is not set"
    colours = {None: "no colours", "standard": "8 colours", "eight_bit": "256 colours"}.get(
        console.color_system, "true colour"
    )
    colours = "no colours (NO_COLOR)" if console.no_color else colours
    encoding = getattr(sys.stderr, "encoding", None) or "unknown encoding"
    size = f"{console.width}x{console.height}"
    yield Finding(section, "terminal", f"{safe(kind)}, {size}, {colours}, {encoding}")
    if ascii_only(sys.stdout):
        fix = "set a UTF-8 locale, such as LC_ALL=C.UTF-8, for better diagrams"
        yield Finding(section, "pictures", "in plain ASCII", "note", fix)
    reason = why_plain(sys.stderr, os.environ)
    view = f"one line per epoch ({reason})" if reason else "live"
    yield Finding(section, "view of a search", view)


def _choices(torch: dict[str, Any]) -> Iterator[Finding]:
    section = "chosen by auto"
    device = torch.get("device")
    if device:
        reasons = {
            "cuda": "torch can use a CUDA GPU",
            "mps": "torch can use the Apple GPU, and there is no CUDA",
            "cpu": "torch finds no usable GPU",
        }
        yield Finding(section, "--device auto", f"{device}: {reasons.get(device, '')}")
    preset = torch.get("preset")
    if preset:
        reason = f"{preset['name']}: {safe(preset['reason'])}"
        yield Finding(section, "--preset auto", reason, "ok", safe(preset["hint"]))
    problem = torch.get("problems", {}).get("preset")
    if problem:
        fix = "fix entrannas.toml or the ENTRANNAS_* variables"
        yield Finding(section, "--preset auto", safe(problem), "broken", fix)
