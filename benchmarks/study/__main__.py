"""Does the search beat chance? ``python -m benchmarks.study --data IMAGES [--study DIR]``, from the root.

Runs the searches, draws and trainings of ``study.toml`` through the command line, several at a time. Prints the
results as Markdown, and writes report.md and report.json to the study's folder. Run the same command again to
resume what was interrupted and do what is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from pathlib import Path

from entrannas_cli.common.errors import EntrannasError, UsageError
from entrannas_cli.common.text import did_you_mean, safe
from entrannas_cli.store.lock import take_lock

from .plan import SCALES, Job, Plan, load_plan
from .report import markdown, results
from .work import Study, say


def main() -> int:
    """Run the study and return the exit code: 1 if something is missing at the end."""
    chosen = _arguments()
    try:
        plan = load_plan(
            chosen.plan, scale=chosen.scale, data=chosen.data, score=chosen.score, seeds=chosen.seeds
        )
        jobs = _selected(plan, chosen.arms, chosen.only)
        study = Study(chosen.study.absolute())
        if chosen.dry_run:
            _show(study, jobs)
            return 0
        missing = [] if chosen.report else _work(study, jobs, chosen.jobs, chosen.nice)
        found = results(study, plan, chosen.score)
    except EntrannasError as error:
        say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    text = markdown(found)
    study.folder.mkdir(parents=True, exist_ok=True)
    (study.folder / "report.md").write_text(text)
    (study.folder / "report.json").write_text(json.dumps(found, indent=1) + "\n")
    print(text, end="")
    for line in missing:
        say(f"missing: {safe(line)}")
    return 1 if missing else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.study",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, help="folder or .zip of images with train/ and test/")
    parser.add_argument(
        "--study", type=Path, default=Path("runs/study"), help="folder of the study (runs/study)"
    )
    parser.add_argument(
        "--plan",
        type=Path,
        default=Path(__file__).with_name("study.toml"),
        help="arms and budget (study.toml)",
    )
    parser.add_argument(
        "--scale", choices=SCALES, default="full", help="smoke: a trial run that takes seconds"
    )
    parser.add_argument("--arms", type=lambda text: text.split(","), help="only these arms, as A,B")
    parser.add_argument("--seeds", type=int, help="maximum number of seeds per arm")
    parser.add_argument(
        "--only", choices=("search", "train"), help="only searches and draws, or only trainings"
    )
    parser.add_argument(
        "--score",
        choices=("test", "validation"),
        default="test",
        help="validation: report the held-out images and never read the test part; for tuning",
    )
    parser.add_argument("--jobs", type=int, default=2, help="parallel processes, with one thread each (2)")
    parser.add_argument("--nice", type=int, default=10, help="niceness of the processes (10)")
    parser.add_argument("--dry-run", action="store_true", help="print what would run, and exit")
    parser.add_argument(
        "--report", action="store_true", help="print the tables of the results so far, and exit"
    )
    return parser.parse_args()


def _selected(plan: Plan, arms: list[str] | None, only: str | None) -> list[Job]:
    names = [arm.name for arm in plan.arms]
    for name in arms or []:
        if name not in names:
            raise UsageError(
                f"--arms: no arm {safe(name)}{did_you_mean(name, names)}; the arms are {', '.join(names)}"
            )
    return [
        job
        for job in plan.jobs()
        if (arms is None or job.arm.name in arms)
        and (only is None or (only == "train") == (job.kind == "train"))
    ]


def _show(study: Study, jobs: list[Job]) -> None:
    runs = study.runs()
    for job in jobs:
        print(f"{study.state(job, runs):8}{job.name:36}entrannas {shlex.join(job.arguments)}")


def _work(study: Study, jobs: list[Job], slots: int, nice: int) -> list[str]:
    study.prepare()
    lock = take_lock(study.folder)
    if lock is None:
        raise UsageError(
            f"--study {safe(str(study.folder))}: another process is working on it; --report shows results so far"
        )
    try:
        os.nice(nice)
        return study.work(jobs, max(slots, 1))
    finally:
        lock.release()


if __name__ == "__main__":
    sys.exit(main())
