"""From the core to Qt: one listener, three signals."""

from PySide6.QtCore import QObject, Signal

from wabot_tray.core.snapshot import PairingProgress, SessionRemoved, SessionSnapshot, Update
from wabot_tray.gui.ports import Sessions


class ManagerBridge(QObject):
    """Repeats what the manager tells as Qt signals, on the thread of the loop, which is Qt's."""

    session_changed = Signal(object)  # SessionSnapshot
    session_removed = Signal(str)  # the account's id
    pairing_changed = Signal(object)  # PairingProgress

    def __init__(self, manager: Sessions, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.manager = manager
        self._remove = manager.subscribe(self._on_update)

    def close(self) -> None:
        """Stop listening. A second call changes nothing."""
        self._remove()
        self._remove = _nothing

    def _on_update(self, update: Update) -> None:
        match update:
            case SessionSnapshot():
                self.session_changed.emit(update)
            case SessionRemoved():
                self.session_removed.emit(update.id)
            case PairingProgress():
                self.pairing_changed.emit(update)


def _nothing() -> None:
    """Remove nothing."""
