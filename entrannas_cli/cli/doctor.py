"""``entrannas doctor``: is everything here that a search needs, and what would be chosen by itself."""

from __future__ import annotations

import typer

from .arguments import AsJson, RunsDirOption, print_json

__all__ = ["doctor"]


def doctor(as_json: AsJson = False, runs_dir: RunsDirOption = None) -> None:
    """Check this installation, and what `auto` would choose.

    Versions, devices, memory, data, folders, terminal.

    Exits with 1 if something keeps a search from running; says how to mend it.
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
