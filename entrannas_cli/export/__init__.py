"""Networks as files for other programs: safetensors, ONNX, a ``torch.export`` program, a Python module."""

from __future__ import annotations
