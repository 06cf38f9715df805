"""Networks: loading, devices, precision."""
