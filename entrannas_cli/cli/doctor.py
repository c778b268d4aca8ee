"""``entrannas doctor``: check the installation, and show what `auto` would choose."""

from __future__ import annotations

import typer

from .arguments import AsJson, RunsDirOption, print_json

__all__ = ["doctor"]


def doctor(as_json: AsJson = False, runs_dir: RunsDirOption = None) -> None:
    """Check the installation and show what `auto` would choose.

    Covers versions, devices, memory, data, folders and terminal, and suggests fixes.

    Exits with 1 if something prevents a search from running.
    """
    from dataclasses import asdict

    from ..doctor import examine

    findings = examine(runs_dir)
    ready = all(finding.level != "broken" for finding in findings)
    if as_json:
        print_json({"ready": ready, "findings": [asdict(finding) for finding in findings]})
    else:
        from ..doctor.print_findings import print_findings

        print_findings(findings)
    if not ready:
        raise typer.Exit(1)
