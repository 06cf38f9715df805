"""Access to the operating system: paths, writes, disks, locks, processes, logs, autostart."""
