"""`entrannas doctor`: on a healthy machine, and with one thing broken at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from entrannas_cli.__main__ import main
from entrannas_cli.data.availability import CIFAR
from entrannas_cli.doctor import checks, examine, probe

HEALTHY = {
    "version": "2.9.0",
    "threads": 2,
    "build": {"cuda": None, "hip": None, "cpu_capability": "AVX2", "mps": False},
    "devices": [],
    "device": "cpu",
    "operations": {},
    "preset": {"name": "quick", "reason": "there is no CUDA GPU", "hint": "entrannas search --preset paper"},
}


@pytest.fixture
def fake_torch(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replace the answers of the slow subprocess that imports torch; it has a test of its own."""

    def say(**changes: Any) -> None:
        monkeypatch.setattr(checks, "ask_torch", lambda: HEALTHY | changes)

    say()
    return say


def finding(name: str, runs_dir: Path | None = None) -> checks.Finding:
    (finding,) = [finding for finding in examine(runs_dir) if finding.name == name]
    return finding


def test_doctor_on_this_machine() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "entrannas_cli", "doctor", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(result.stdout)
    assert report["ready"] is True
    assert result.returncode == 0
    values = {finding["name"]: finding["value"] for finding in report["findings"]}
    import torch

    assert values["torch"].startswith(torch.__version__)
    assert values["python"].startswith(sys.version.split()[0])
    assert "writable" in values["runs"]
    assert values["--preset auto"].startswith("quick: CIFAR-10 is not on this machine")
    assert values["--device auto"].split(":")[0] in ("cpu", "cuda", "mps")
    assert {"digits", "standard", "extended", "memory", "disk", "cpu", "terminal"} <= set(values)
    assert not Path("runs").exists()


def test_healthy_machine(fake_torch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["doctor"])
    shown = capsys.readouterr().out
    assert caught.value.code == 0
    assert "No search can run" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "quick: there is no CUDA GPU" in shown


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("raise ImportError('libcudart.so.12: cannot open shared object file')", "libcudart.so.12"),
        ("raise OSError('[WinError 126] shm.dll')", "shm.dll"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "killed by signal 11"),
        ("import sys; sys.exit('no torch today')", "no torch today"),
    ],
)
def test_torch_that_fails_to_import(
    broken: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    package = tmp_path / "broken" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(broken)
    monkeypatch.syspath_prepend(package.parent)
    with pytest.raises(SystemExit) as caught:
        main(["doctor"])
    out, err = capsys.readouterr()
    assert caught.value.code == 1
    assert expected in " ".join(out.split())
    assert "No search can run here until this is fixed: torch" in out
    assert "pip install" in out
    assert "Traceback" not in out + err


def test_probe_times_out_when_torch_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hanging").mkdir()
    (tmp_path / "hanging" / "torch.py").write_text("import time; time.sleep(60)")
    monkeypatch.syspath_prepend(tmp_path / "hanging")
    monkeypatch.setattr(probe, "TIMEOUT_S", 0.5)
    assert probe.ask_torch() == {"error": "no answer within 0.5 s"}


def test_gpus_are_listed(fake_torch: Any) -> None:
    card = {"device": "cuda:0", "name": "H100", "memory": 80e9, "free": 60e9, "bf16": True}
    fake_torch(devices=[card], device="cuda")
    assert finding("cuda:0").value == "H100, 80.0 GB memory, 60.0 GB free, bf16"
    assert finding("--device auto").value.startswith("cuda: ")
    fake_torch(devices=[], problems={"devices": "CUDA error: no kernel image is available\nmore"})
    assert finding("gpu").level == "warning"
    assert finding("gpu").value.endswith("no kernel image is available")


def test_gpu_unsupported_by_the_torch_build(fake_torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_has_nvidia_gpu", lambda: True)
    assert finding("gpu").level == "warning"
    assert "CUDA build" in finding("gpu").fix


def test_runs_folder_is_not_writable(fake_torch: Any) -> None:
    Path("file").touch()
    assert finding("runs", Path("file/runs")).level == "broken"
    assert "is a file" in finding("runs", Path("file/runs")).value
    assert finding("runs", Path("/proc/runs")).level == "broken"
    assert "--runs-dir" in finding("runs", Path("/proc/runs")).fix


def test_disk_is_full(fake_torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    for free, level in ((10**6, "broken"), (10**9, "warning"), (10**11, "ok")):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: usage(10**12, 0, free))
        assert finding("disk").level == level


def test_data_set_is_found(fake_torch: Any) -> None:
    assert finding("cifar10").fix == "entrannas data prepare cifar10"
    files = CIFAR["cifar10"]
    folder = Path("data", files.folder)
    folder.mkdir(parents=True)
    for name in (*files.train, files.meta):
        (folder / name).touch()
    assert finding("cifar10").level == "ok"
    assert str(Path.cwd() / "data") in finding("cifar10").value


def test_broken_configuration_file_is_reported(fake_torch: Any) -> None:
    Path("entrannas.toml").write_text("runs_dir = [")
    assert finding("runs").level == "broken"
    answer = probe.ask_torch()
    assert "entrannas.toml" in answer["problems"]["preset"]
    fake_torch(preset=None, problems=answer["problems"])
    assert finding("--preset auto").level == "broken"


def test_operation_from_a_broken_package(fake_torch: Any) -> None:
    fake_torch(operations={"good": "", "bad": "ImportError: no \x1b[31mmodule"})
    assert finding("operation good").level == "ok"
    bad = finding("operation bad")
    assert (bad.level, "\x1b" in bad.value) == ("warning", False)
