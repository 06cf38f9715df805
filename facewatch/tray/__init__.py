"""The icon in the tray: a process of its own that shows what the daemon does and changes the settings."""
