"""Classical filters behind `builtin`."""
