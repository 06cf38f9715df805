"""The tray icon: a separate process that shows the daemon's state and changes the settings."""
