"""Notices across the top of a window: one line of words, perhaps a button."""

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QIcon, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from wabot_tray.core.states import SessionState
from wabot_tray.gui.actions import Tone
from wabot_tray.gui.icons import picture, state_icon, warning_icon
from wabot_tray.gui.parts import button, card, label
from wabot_tray.gui.scroll import ScrollPage
from wabot_tray.system.i18n import t

PASSING_MS: Final = 12_000  # how long the answer to a click stays
SHARE: Final = 0.4  # of the window's height, at the most; what does not fit is scrolled to
Offer = tuple[str, Callable[[], object]]  # a button's words and what it does


class Banners(ScrollPage):
    """The notices in force, one per key; a second with the same key replaces the first."""

    dismissed = Signal(str)  # the key of a notice that the person has read

    def __init__(self) -> None:
        page = QWidget()
        super().__init__(page)
        self._shown: dict[str, tuple[QWidget, tuple[str, Tone]]] = {}
        self._dismissed: dict[str, str] = {}  # what the person has read, until it is over
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self.hide()

    def showEvent(self, event: QShowEvent) -> None:
        """Follow the height of the window from now on."""
        super().showEvent(event)
        self.window().installEventFilter(self)  # a second time changes nothing
        self.fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take another share of a window that has another height."""
        if event.type() is QEvent.Type.Resize and watched is self.window():
            self.fit()
        return super().eventFilter(watched, event)

    def fit(self) -> None:
        """Be as high as the notices are, up to the share of the window."""
        super().fit()
        most = int(SHARE * self.window().height())
        self.setFixedHeight(min(self.page.minimumHeight(), most))

    @property
    def texts(self) -> tuple[str, ...]:
        """The words in force, in order."""
        return tuple(words for _, (words, _) in self._shown.values())

    def show_notice(self, key: str, text: str, tone: Tone, offer: Offer | None = None) -> None:
        """Show `text` until it is dropped or dismissed."""
        if key in self._shown and self._shown[key][1] == (text, tone):
            return
        if self._dismissed.get(key) == text:
            return
        self.drop(key)
        strip = self._strip(key, text, tone, offer)
        self._shown[key] = strip, (text, tone)
        self._column.addWidget(strip)
        self.show()

    def show_passing(self, key: str, text: str, tone: Tone) -> None:
        """Show `text` for a while."""
        self.drop(key)
        self.show_notice(key, text, tone)
        strip = self._shown[key][0]
        QTimer.singleShot(PASSING_MS, strip, lambda: self.drop(key))

    def drop(self, key: str) -> None:
        """Take a notice away, since it is over. Without it, nothing changes."""
        self._dismissed.pop(key, None)
        self._take(key)

    def dismiss(self, key: str) -> None:
        """Take a notice away, since it was read; the same words stay away until it is over."""
        if key in self._shown:
            self._dismissed[key] = self._shown[key][1][0]
            self.dismissed.emit(key)
        self._take(key)

    def _take(self, key: str) -> None:
        if (found := self._shown.pop(key, None)) is not None:
            found[0].hide()
            self._column.removeWidget(found[0])
            found[0].deleteLater()
        self.setVisible(bool(self._shown))

    def keep_only(self, prefix: str, keys: set[str]) -> None:
        """Drop the notices whose key starts with `prefix` and is not in `keys`."""
        known = {*self._shown, *self._dismissed}
        for key in [k for k in known if k.startswith(prefix) and k not in keys]:
            self.drop(key)

    def _strip(self, key: str, text: str, tone: Tone, offer: Offer | None) -> QWidget:
        strip = card("banner")
        strip.setProperty("tone", tone.value)
        row = QHBoxLayout(strip)
        row.setContentsMargins(14, 8, 8, 8)
        row.setSpacing(12)
        if (icon := _sign(tone)) is not None:
            sign = QLabel()
            sign.setPixmap(picture(icon, 18, self))
            row.addWidget(sign)
        words = label(text)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row.addWidget(words, 1)
        if offer is not None:
            row.addWidget(button(*offer))
        dismiss = QToolButton()
        dismiss.setText("✕")
        dismiss.setProperty("role", "dismiss")
        dismiss.setAccessibleName(t("gui.dismiss"))
        dismiss.setToolTip(t("gui.dismiss"))
        dismiss.clicked.connect(lambda: self.dismiss(key))
        row.addWidget(dismiss)
        return strip


def _sign(tone: Tone) -> QIcon | None:
    match tone:
        case Tone.GOOD:
            return state_icon(SessionState.CONNECTED)
        case Tone.WARNING:
            return warning_icon()
        case Tone.ERROR:
            return state_icon(SessionState.FAILED)
        case Tone.INFO:
            return None
