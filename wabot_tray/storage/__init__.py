"""What is kept on disk, and under which key: vault, keyring, registry, inbox, settings."""
