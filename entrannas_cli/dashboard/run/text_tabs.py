"""The text tabs: the configuration, and the usage of the system."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content

from ...common.numbers import bytes_text, metric, number, percent
from ...common.text import safe
from ...monitor.system_usage import Sample
from ..cached_static import CachedStatic
from ..configuration_text import configuration_text
from .header import bar
from .tab import RunState

__all__ = ["ConfigurationTab", "SystemTab"]

BAR = 30
MIB = 2**20


class ConfigurationTab(VerticalScroll, can_focus=False):
    """``config.toml`` as written."""

    def compose(self) -> ComposeResult:
        yield CachedStatic()

    def show(self, state: RunState) -> None:
        """Draw what has changed."""
        text = state.facts.configuration
        self.query_one(CachedStatic).show(text, lambda: configuration_text(text))


class SystemTab(VerticalScroll, can_focus=False):
    """The usage of the run's process, the machine and its GPUs, and what the run itself reported."""

    def compose(self) -> ComposeResult:
        yield CachedStatic()

    def show(self, state: RunState) -> None:
        """Draw what has changed."""
        sample, run = state.facts.sample, state.facts.overview
        row = state.metrics.last("step") or state.metrics.last("epoch")
        reported = []
        if (speed := number(row.get("images_per_second"))) is not None:
            reported.append(("images per second", f"{speed:.6g}"))
        if (memory := number(row.get("memory_mb"))) is not None:
            reported.append(("memory", bytes_text(memory * MIB)))
        process = (
            f"process {run.status.pid} on {safe(run.status.host)}"
            if run is not None and run.status.pid
            else ""
        )
        running = run is not None and run.status.state == "running"
        self.query_one(CachedStatic).show(
            (sample, reported, process, running),
            lambda: _system(sample, reported, process, running=running),
        )


Part = str | tuple[str, str]


def _system(
    sample: Sample | None, reported: list[tuple[str, str]], process: str, *, running: bool
) -> Content:
    lines: list[list[Part]] = [[("last reported by the run", "bold $primary")]]
    lines += [[(f"  {label:20}", "$quiet"), value] for label, value in reported]
    if not reported:
        lines.append(["  nothing yet"])
    if process:
        lines.append([(f"  {'runs' if running else 'ran'} as".ljust(22), "$quiet"), process])
    if sample is None:
        lines += [[""], ["sampling …"]]
        return _joined(lines)
    lines += [[""], [("its process on this machine", "bold $primary")]]
    if sample.process_memory is None:
        lines.append(["  not running here"])
    else:
        busy = "–" if sample.process_cpu is None else f"{metric(sample.process_cpu, 2)} processors"
        lines += [[("  processors".ljust(22), "$quiet"), busy]]
        lines += [[("  memory".ljust(22), "$quiet"), bytes_text(sample.process_memory)]]
    lines += [[""], [("this machine", "bold $primary")]]
    lines.append(_gauge("processors", sample.machine_cpu, percent(sample.machine_cpu)))
    lines.append(_memory("memory", sample.machine_memory, sample.machine_memory_total))
    for gpu in sample.gpus or ():
        lines += [[""], [(f"GPU {gpu.index}: {safe(gpu.name)}", "bold $primary")]]
        lines.append(_gauge("utilisation", gpu.utilisation, percent(gpu.utilisation)))
        lines.append(_memory("memory", gpu.memory, gpu.memory_total))
    if sample.gpus == ():
        lines.append([("  no NVIDIA GPU here", "$quiet")])
    return _joined(lines)


def _joined(lines: list[list[Part]]) -> Content:
    return Content("\n").join(Content.assemble(*line) for line in lines)


def _memory(label: str, used: float | None, total: float | None) -> list[Part]:
    share = used / total if used is not None and total else None
    return _gauge(label, share, f"{bytes_text(used)} of {bytes_text(total)}")


def _gauge(label: str, share: float | None, value: str) -> list[Part]:
    done, rest = bar(share or 0.0, BAR)
    return [(f"  {label:20}", "$quiet"), (done, "$primary"), (rest, "$quiet"), f"  {value}"]
