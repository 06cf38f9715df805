"""Classical filters of the model `builtin`."""
