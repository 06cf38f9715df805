"""Model catalogue, model files on disk, downloads."""
