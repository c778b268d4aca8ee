"""Configuration: its models, its sources, and how values are resolved and explained."""
