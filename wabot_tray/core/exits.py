"""How a worker's process ends, for both sides of its border."""

from typing import Final

SEALED: Final = 0  # in good order: the vault holds everything
BROKEN: Final = 1  # by a fault of its own
ORPHANED: Final = 3  # the main process was gone, and a call into the library hung
STORAGE: Final = 4  # the vault could not be opened or sealed; the live file may be left
UNUSED: Final = 5  # told to leave before it was told what to do
