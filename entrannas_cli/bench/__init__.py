"""Measures what a step costs: a search's, a training's, the data's; see docs/performance.md.

A *subject* is something that takes steps. Each lives in a process of its own, so that its peak memory is its own,
and all take their steps in turn, so that a busy machine slows all of them alike.
"""
