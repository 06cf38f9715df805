"""Daemon process: wiring and supervision."""
