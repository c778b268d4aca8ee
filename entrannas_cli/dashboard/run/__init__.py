"""The Run screen: one run with its curves, cells, architecture parameters, log, configuration and system."""
