"""Samples of real processes, and of a fake ``nvidia-smi`` with all sorts of answers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from entrannas_cli.monitor import system_usage as module
from entrannas_cli.monitor.system_usage import Gpu, GpuWatch, SystemWatch
from entrannas_cli.store.status import Status, process_identity

from ..store.processes import kill, python, wait_for


def status_of(process: int, **values: object) -> Status:
    created = psutil.Process(process).create_time()
    known = {"state": "running", "host": socket.gethostname(), "pid": process, "process_created": created}
    return Status(**{**known, **values})  # type: ignore[arg-type]


def remove_nvidia_smi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_busy_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    remove_nvidia_smi(monkeypatch, tmp_path)
    process = python("x = bytearray(50_000_000)\nprint('go', flush=True)\nwhile True: pass")
    try:
        process.stdout.readline()
        watch = SystemWatch()
        status = status_of(process.pid)
        first = watch.sample(status)
        assert first.process_cpu is None  # no earlier sample to compare with
        assert first.machine_cpu is None
        assert first.process_memory is not None
        assert first.process_memory > 50_000_000
        time.sleep(0.5)
        second = watch.sample(status)
        assert second.process_cpu is not None
        assert 0.01 < second.process_cpu < 2
        assert second.machine_cpu is not None
        assert 0.03 < second.machine_cpu <= 1
        assert second.machine_memory is not None
        assert second.machine_memory_total is not None
        assert 0 < second.machine_memory < second.machine_memory_total
        assert second.gpus == ()
    finally:
        kill(process)
    after = watch.sample(status)
    assert (after.process_cpu, after.process_memory) == (None, None)
    assert after.machine_memory_total == second.machine_memory_total


def test_only_the_process_of_the_run_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    remove_nvidia_smi(monkeypatch, tmp_path)
    _, pid, created = process_identity()
    watch = SystemWatch()
    assert watch.sample(status_of(pid)).process_memory is not None
    for other in (
        status_of(pid, process_created=created - 100),
        status_of(pid, host="elsewhere"),
        status_of(pid, state="completed"),
        status_of(pid, pid=0),
        status_of(pid, pid=2**40),
    ):
        assert watch.sample(other).process_memory is None


@pytest.fixture
def fake_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Install an ``nvidia-smi`` that runs the given Python code and logs each call in ``calls``."""

    def install(code: str) -> None:
        path = tmp_path / "bin" / "nvidia-smi"
        path.parent.mkdir(exist_ok=True)
        note = f"import sys; open({str(tmp_path / 'calls')!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')"
        path.write_text(f"#!{sys.executable} -S\n{note}\n{code}\n")
        path.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return install


def test_gpus_are_sampled(fake_nvidia_smi: Callable[[str], None], tmp_path: Path) -> None:
    fake_nvidia_smi(
        "print('0, NVIDIA H100 80GB HBM3, 87, 12345, 81559')\n"
        "print('1, \"odd, name\\x1b[31m\", [N/A], [Not Supported], 81559')\n"
        "print('no such line')"
    )
    watch = GpuWatch()
    begun = time.monotonic()
    assert watch.look() is None
    assert time.monotonic() - begun < 0.5
    wait_for(watch.look)
    assert watch.look() == (
        Gpu(
            index=0,
            name="NVIDIA H100 80GB HBM3",
            utilisation=0.87,
            memory=12345 * 2**20,
            memory_total=81559 * 2**20,
        ),
        Gpu(index=1, name="odd, name\\x1b[31m", utilisation=None, memory=None, memory_total=81559 * 2**20),
    )
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == [
        "--query-gpu=index,name,utilization.gpu,memory.used,memory.total --format=csv,noheader,nounits"
    ]


def test_gpus_are_sampled_again_after_a_pause(
    fake_nvidia_smi: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GPU_INTERVAL_S", 0.1)
    fake_nvidia_smi("print('0, A, 10, 1, 2')")
    watch = GpuWatch()
    wait_for(watch.look)
    fake_nvidia_smi("print('0, A, 20, 1, 2')")
    wait_for(lambda: any(gpu.utilisation == 0.2 for gpu in watch.look() or ()))
    fake_nvidia_smi("sys.exit(9)")  # the driver is gone
    wait_for(lambda: watch.look() is None)


def test_hanging_driver_does_not_block(
    fake_nvidia_smi: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GPU_TIMEOUT_S", 0.3)
    fake_nvidia_smi("import time; open('pid', 'w').write(str(__import__('os').getpid())); time.sleep(60)")
    watch = GpuWatch()
    watch.look()
    pid_file = Path("pid")
    wait_for(lambda: pid_file.exists() and pid_file.read_text())
    slowest = 0.0
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        begun = time.monotonic()
        assert watch.look() is None
        slowest = max(slowest, time.monotonic() - begun)
    assert slowest < 0.3
    wait_for(lambda: not psutil.pid_exists(int(pid_file.read_text())))
    watch.close()


def test_no_gpu_without_nvidia_smi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    remove_nvidia_smi(monkeypatch, tmp_path)
    assert GpuWatch().look() == ()


def test_imports_no_heavy_packages() -> None:
    code = (
        "import sys\n"
        "from entrannas_cli.monitor import cell_history, log_tail, run_index, run_metrics, system_usage\n"
        "system_usage.SystemWatch().sample(__import__('entrannas_cli.store.status').store.status.Status(state='created'))\n"
        "print(*{'torch', 'numpy', 'pandas', 'pydantic', 'matplotlib', 'textual', 'rich'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
