"""The state that the processes share through the state folder."""
