"""The benchmark: ours and the reference flows side by side, each in a process of its own."""
