"""What only tests change about the program, and only from the inside."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the program is joined to; no option, variable or file reaches it.

    Args:
        worker_command: How to start a worker, by default this program itself.
        door: The host and port whose opening means that WhatsApp can be reached again, by default
            WhatsApp's own.
        memory_limit_bytes: What a worker may hold before it is replaced; None for the usual limit.
        witness: The file whose replacement means that another version was installed.
    """

    worker_command: Sequence[str] | None = None
    door: tuple[str, int] | None = None
    memory_limit_bytes: int | None = None
    witness: Path | None = None


PRODUCT: Final = Wiring()
