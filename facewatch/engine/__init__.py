"""The child process that holds torch and the networks, and the handle to it."""
