"""The form that starts a search or a training."""
