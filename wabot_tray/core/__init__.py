"""What the program knows: states, events, settings and their rules. No I/O, no clock of its own."""
