"""What torch reports about this machine, in a subprocess, because a broken torch may crash its process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ..common.text import first_line

__all__ = ["ask_torch", "main"]

TIMEOUT_S = 180  # the first import from a slow disk takes long
MARK = "entrannas-probe:"


def ask_torch() -> dict[str, Any]:
    """Return the answer of :func:`main` in a new process; ``{"error": reason}`` if torch is unusable."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from entrannas_cli.doctor.probe import main; main()"
    try:
        result = subprocess.run(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"no answer within {TIMEOUT_S} s"}
    except OSError as error:
        return {"error": f"python cannot be started: {error}"}
    for line in result.stdout.splitlines():
        if line.startswith(MARK):
            answer: dict[str, Any] = json.loads(line.removeprefix(MARK))
            return answer
    last = (result.stderr.strip() or "no message").splitlines()[-1]
    how = (
        f"killed by signal {-result.returncode}"
        if result.returncode < 0
        else f"exit code {result.returncode}"
    )
    return {"error": f"its process ended with {how}: {last}"}


def main() -> None:
    """Print the answer as one line of JSON after a mark."""
    print(MARK + json.dumps(_answer()))


def _answer() -> dict[str, Any]:
    try:
        import torch
    except Exception as error:
        return {"error": first_line(error, named=True)}
    answer: dict[str, Any] = {"version": torch.__version__, "threads": torch.get_num_threads()}
    for key, ask in (
        ("build", _build),
        ("devices", _devices),
        ("device", _automatic_device),
        ("torchvision", _torchvision),
        ("operations", _operations),
        ("preset", _automatic_preset),
    ):
        try:
            answer[key] = ask()
        except Exception as error:
            answer.setdefault("problems", {})[key] = str(error).strip() or type(error).__name__
    return answer


def _build() -> dict[str, Any]:
    import torch

    return {
        "cuda": torch.version.cuda,
        "hip": torch.version.hip,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "mps": torch.backends.mps.is_built(),
    }


def _devices() -> list[dict[str, Any]]:
    import torch

    devices: list[dict[str, Any]] = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(index)
        torch.ones(8, device=f"cuda:{index}").sum().item()  # fails for a build without kernels for the GPU
        devices.append(
            {
                "device": f"cuda:{index}",
                "name": torch.cuda.get_device_name(index),
                "memory": total,
                "free": free,
                "bf16": torch.cuda.is_bf16_supported(including_emulation=False),
            }
        )
    if torch.backends.mps.is_available():
        devices.append(
            {"device": "mps", "name": "Apple GPU", "memory": torch.mps.recommended_max_memory(), "bf16": None}
        )
    return devices


def _automatic_device() -> str:
    from ..engine.device import automatic_device

    return automatic_device()


def _torchvision() -> str:
    import torchvision

    return str(torchvision.__version__)


def _operations() -> dict[str, str]:
    """Return the operations of installed packages, each with its problem, or "" if it has none."""
    from importlib.metadata import entry_points

    from ..method.operations import ENTRY_POINT_GROUP, get_operation

    problems = {}
    for name in sorted({point.name for point in entry_points(group=ENTRY_POINT_GROUP)}):
        try:
            get_operation(name)
            problems[name] = ""
        except Exception as error:
            problems[name] = f"{type(error).__name__}: {error}"
    return problems


def _automatic_preset() -> dict[str, str]:
    from ..config.resolve import ConfigRequest, resolve_search
    from ..engine.search.create import PAPER_HINT, choose_preset

    resolved = resolve_search(
        ConfigRequest(
            flags={"preset": "auto"},
            overrides=[],
            environ=os.environ,
            cwd=Path.cwd(),
            choose_preset=choose_preset,
        )
    )
    name = resolved.config.preset
    return {"name": name, "reason": resolved.preset_reason, "hint": PAPER_HINT if name != "paper" else ""}
