"""State in the state folder, shared by the processes."""
