"""The settings' page about notifications: how much is told, and when nothing is."""

from datetime import time
from typing import Final

from PySide6.QtCore import Qt, QTime, Signal
from PySide6.QtWidgets import QHBoxLayout, QTimeEdit, QWidget

from wabot_tray.core.quiet_hours import QuietHours
from wabot_tray.gui.parts import label
from wabot_tray.gui.settingeditor import SettingEditor
from wabot_tray.gui.settingpages import SettingPage
from wabot_tray.gui.settingrows import Row, Switch, keep_from_wheel
from wabot_tray.gui.wording import locale
from wabot_tray.system.i18n import t

_USUAL: Final = QuietHours(time(22, 0), time(7, 0))  # what is offered first


class Hours(QWidget):
    """A switch, and two times of day while it is on."""

    edited = Signal(str)  # like "22:00-07:00", or empty

    def __init__(self) -> None:
        super().__init__()
        self._shown = ""
        self.switch = Switch()
        self.begin, self.end = _moment(), _moment()
        self._put(_USUAL)
        self._show_times(on=False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.switch)
        row.addSpacing(8)
        for words, edit in (("settings.hours_from", self.begin), ("settings.hours_to", self.end)):
            row.addWidget(label(t(words), wrap=False))
            row.addWidget(edit)
            edit.timeChanged.connect(self._on_edited)
            edit.editingFinished.connect(self._on_edited)
        row.addStretch(1)
        self.setFocusProxy(self.switch)
        self.switch.clicked.connect(self._on_switched)

    @property
    def value(self) -> str:
        """What is shown, as the setting has it."""
        if not self.switch.isChecked():
            return ""
        return f"{self.begin.time().toString('HH:mm')}-{self.end.time().toString('HH:mm')}"

    def show_value(self, value: str) -> None:
        """Show `value`; nothing is emitted. Switched off, the last hours stay to be seen."""
        self._shown = value
        hours = QuietHours.parse(value)
        self.switch.show_value(hours is not None)
        self._show_times(on=hours is not None)
        if hours is not None:
            self._put(hours)

    def setAccessibleName(self, name: str) -> None:
        """Name all three parts."""
        self.switch.setAccessibleName(name)
        self.begin.setAccessibleName(t("settings.hours_begin_of", name=name))
        self.end.setAccessibleName(t("settings.hours_end_of", name=name))

    def setAccessibleDescription(self, description: str) -> None:
        """Describe the switch."""
        self.switch.setAccessibleDescription(description)

    def _put(self, hours: QuietHours) -> None:
        for edit, moment in ((self.begin, hours.begin), (self.end, hours.end)):
            edit.blockSignals(True)
            edit.setTime(QTime(moment.hour, moment.minute))
            edit.blockSignals(False)

    def _show_times(self, *, on: bool) -> None:
        self.begin.setEnabled(on)
        self.end.setEnabled(on)

    def _on_switched(self) -> None:
        self._show_times(on=self.switch.isChecked())
        self._on_edited()

    def _on_edited(self) -> None:
        if self.value != self._shown:
            self._shown = self.value
            self.edited.emit(self.value)


class AlertsPage(SettingPage):
    """How much is told, and when nothing is."""

    def __init__(self, editor: SettingEditor) -> None:
        super().__init__(editor, t("settings.alerts"), t("settings.alerts_words"))
        control = Hours()
        control.edited.connect(lambda value: editor.set(quiet_hours=value))
        self._shows.append(lambda settings: control.show_value(settings.quiet_hours))
        row = Row(t("settings.quiet_hours"), t("settings.quiet_hours_hint"), control, beside=False)
        self.add_card(
            self.choice(
                "notifications",
                (t("settings.notifications"), t("settings.notifications_hint")),
                {
                    "all": t("settings.notifications_all"),
                    "important": t("settings.notifications_important"),
                    "off": t("settings.notifications_off"),
                },
            ),
            self._keep("quiet_hours", row),
        )


def _moment() -> QTimeEdit:
    edit = QTimeEdit()
    short = locale().timeFormat(locale().FormatType.ShortFormat)
    edit.setDisplayFormat("h:mm AP" if "ap" in short.lower() else "HH:mm")
    edit.setKeyboardTracking(False)
    edit.setAlignment(Qt.AlignmentFlag.AlignCenter)
    keep_from_wheel(edit)
    return edit
