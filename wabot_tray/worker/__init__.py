"""The process that holds one WhatsApp account."""
