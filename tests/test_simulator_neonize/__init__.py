"""The real neonize against the simulator: what it does is what docs and rules rely on."""
