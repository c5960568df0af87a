"""Shops whose program is one of `special_entry.py`."""

import sys

from tests.e2e.harness import Shop


class SpecialShop(Shop):
    """A shop whose program is one of these."""

    KIND = ""

    def entry(self) -> list[str]:
        """Return the command that starts it."""
        port, key = str(self.simulator.port), self.simulator.root_public_key.hex()
        return [sys.executable, "-m", "tests.e2e.special_entry", self.KIND, port, key]


class LeanShop(SpecialShop):
    """Its workers are too large as soon as they are there."""

    KIND = "lean"


class NamesShop(SpecialShop):
    """Its computer can lose the names of the network."""

    KIND = "names"

    def set_names(self, state: str) -> None:
        """Let names be "gone", or "hangs", or "" for well."""
        (self.data / "names").write_text(state, encoding="ascii")
