"""The main process's view of its sessions: one supervisor each, one manager for all."""
