"""Processes that share a folder for runs; `python -m tests.reliability.concurrent_runs` starts more of them.

Locks of dead processes, of reused process ids and of other hosts: tests/store/test_status.py and test_session.py.
"""

from __future__ import annotations

from .concurrent_runs import resume_at_once, search_at_once


def test_searches_at_once_do_not_disturb_each_other() -> None:
    search_at_once(3)


def test_only_one_of_several_resumes_works() -> None:
    resume_at_once(3)
