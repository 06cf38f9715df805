"""The daemon process: wiring and supervision."""
