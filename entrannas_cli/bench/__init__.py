"""Benchmarks of a step of a search, of a training and of data loading; see docs/performance.md.

A *subject* is something that takes steps. Each runs in its own process, so that its peak memory can be measured,
and all take their steps in turn, so that a busy machine slows all of them alike.
"""
