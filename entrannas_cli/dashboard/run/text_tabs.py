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

    def show(self, seen: RunState) -> None:
        """Draw what has changed."""
        text = seen.facts.configuration
        self.query_one(CachedStatic).show(text, lambda: configuration_text(text))


class SystemTab(VerticalScroll, can_focus=False):
    """The usage of the run's process, the machine and its GPUs, and what the run itself reported."""

    def compose(self) -> ComposeResult:
        yield CachedStatic()

    def show(self, seen: RunState) -> None:
        """Draw what has changed."""
        sample, run = seen.facts.sample, seen.facts.overview
        row = seen.course.last("step") or seen.course.last("epoch")
        said = []
        if (speed := number(row.get("images_per_second"))) is not None:
            said.append(("images per second", f"{speed:.6g}"))
        if (memory := number(row.get("memory_mb"))) is not None:
            said.append(("memory", bytes_text(memory * MIB)))
        where = (
            f"process {run.status.pid} on {safe(run.status.host)}"
            if run is not None and run.status.pid
            else ""
        )
        state = run.status.state if run is not None else ""
        self.query_one(CachedStatic).show(
            (sample, said, where, state), lambda: _system(sample, said, where, running=state == "running")
        )


Part = str | tuple[str, str]


def _system(sample: Sample | None, said: list[tuple[str, str]], where: str, *, running: bool) -> Content:
    lines: list[list[Part]] = [[("last reported by the run", "bold $primary")]]
    lines += [[(f"  {label:20}", "$quiet"), value] for label, value in said]
    if not said:
        lines.append(["  nothing yet"])
    if where:
        lines.append([(f"  {'runs' if running else 'ran'} as".ljust(22), "$quiet"), where])
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
