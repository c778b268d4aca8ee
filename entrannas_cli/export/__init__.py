"""Networks as files for other programs: weights, ONNX, a ``torch.export`` program, a Python module of its own."""

from __future__ import annotations
