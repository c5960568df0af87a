"""Keeps the WhatsApp sessions of bots connected, day and night, from the system tray."""

__version__ = "0.1.0"
