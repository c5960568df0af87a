"""What the program needs of the machine: folders, logs, languages, autostart."""
