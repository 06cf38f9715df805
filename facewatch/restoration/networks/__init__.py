"""Neural networks: loading, devices, precision."""
