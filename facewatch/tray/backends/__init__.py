"""Tray icon backends, one module per platform."""
