"""Photo files: bytes to pixels and back, with metadata, profile, alpha and depth kept."""
