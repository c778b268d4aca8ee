"""EnTranNAS: differentiable neural architecture search, in the terminal."""

__version__ = "0.1.0"
