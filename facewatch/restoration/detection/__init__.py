"""Face detection and selection."""
