"""Attacks on real runs: kills, full disks, damaged files, and much at once; see docs/reliability.md."""
