"""The `wabot` command line."""
