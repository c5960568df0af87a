"""The whole program against the simulated WhatsApp, told as a story. Needs no phone."""
