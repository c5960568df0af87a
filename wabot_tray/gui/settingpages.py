"""The pages of the settings' window."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from wabot_tray.core.settings import Settings
from wabot_tray.gui.actions import shown_name
from wabot_tray.gui.parts import button, label
from wabot_tray.gui.settingeditor import SettingEditor
from wabot_tray.gui.settingrows import Choice, Page, Row, Span, Switch, limits_words
from wabot_tray.gui.settingway import WayEditor, way_words
from wabot_tray.system.i18n import t

if TYPE_CHECKING:
    from wabot_tray.gui.windows import Windows

log = logging.getLogger(__name__)

_HOUR: Final = 3600
_NOBODY: Final = "-"  # before the accounts are listed; can be no account's id
_KEY_WORDS: Final = {
    "keyring": ("settings.key_keyring", "settings.key_keyring_locked"),
    "key-file": ("settings.key_file", "settings.key_file_missing"),
    "passphrase": ("settings.key_passphrase", "settings.key_passphrase_absent"),
}


class SettingPage(Page):
    """A page whose rows are settings. `names` are those that "Restore defaults" is about."""

    def __init__(self, editor: SettingEditor, title: str, words: str = "") -> None:
        super().__init__(title, words)
        self.editor = editor
        self.names: tuple[str, ...] = ()
        self._rows: dict[str, Row] = {}
        self._shows: list[Callable[[Settings], None]] = []
        editor.refused.connect(self._on_refused)

    def refresh(self) -> None:
        """Show what is in use; while the file cannot be read, nothing can be changed."""
        for show in self._shows:
            show(self.editor.settings)
        for row in self._rows.values():
            row.control.setEnabled(self.editor.problem is None)
            row.show_problem("")

    def row(self, name: str) -> Row:
        """Return the row of a setting. Raises KeyError where it is not on this page."""
        return self._rows[name]

    def choice(self, name: str, words: tuple[str, str], options: dict[str, str]) -> Row:
        """Make a row for one of several values; `words` are its title and its hint."""
        control = Choice(tuple(options.items()))
        control.chosen.connect(lambda value: self.editor.set(**{name: value}))
        self._shows.append(lambda settings: control.show_value(getattr(settings, name)))
        return self._keep(name, Row(*words, control))

    def switch(self, name: str, words: tuple[str, str]) -> Row:
        """Make a row for a setting that is on or off."""
        control = Switch()
        control.clicked.connect(lambda: self.editor.set(**{name: control.isChecked()}))
        self._shows.append(lambda settings: control.show_value(getattr(settings, name)))
        return self._keep(name, Row(*words, control))

    def span(self, name: str, words: tuple[str, str], control: Span, unit_s: float = 1) -> Row:
        """Make a row for a time, which the setting counts in units of `unit_s` seconds."""
        low_s, high_s = (limit * unit_s for limit in Settings.limits(name))
        row = Row(*words, control)

        def on_edited(seconds: float) -> None:
            if low_s <= seconds <= high_s:
                row.show_problem("")
                self.editor.set(**{name: seconds / unit_s})
            else:
                row.show_problem(limits_words(low_s, high_s))

        def show(settings: Settings) -> None:
            control.show_seconds(getattr(settings, name) * unit_s)

        control.edited.connect(on_edited)
        self._shows.append(show)
        return self._keep(name, row)

    def _keep(self, name: str, row: Row) -> Row:
        row.control.setObjectName(name)
        self._rows[name] = row
        self.names = (*self.names, name)
        return row

    def _on_refused(self, names: tuple[str, ...], sentence: str) -> None:
        for name in names:
            if name in self._rows:
                self._rows[name].show_problem(sentence)


class GeneralPage(SettingPage):
    """Language, the start at login, appearance."""

    def __init__(self, editor: SettingEditor, windows: "Windows") -> None:
        super().__init__(editor, t("settings.general"))
        self._windows = windows
        self._login = Switch()
        self.login_row = Row(t("settings.login"), t("settings.login_hint"), self._login)
        self.login_row.setVisible(windows.login_item is not None)
        self._login.setObjectName("login")
        self._login.clicked.connect(self._on_login)
        languages = {
            "system": t("settings.language_system"),
            "en": t("settings.language_en"),
            "es": t("settings.language_es"),
        }
        self.add_card(
            self.choice(
                "language", (t("settings.language"), t("settings.language_hint")), languages
            ),
            self.choice(
                "theme",
                (t("settings.theme"), t("settings.theme_hint")),
                {
                    "system": t("settings.theme_system"),
                    "light": t("settings.theme_light"),
                    "dark": t("settings.theme_dark"),
                },
            ),
        )
        self.add_card(self.login_row).setVisible(windows.login_item is not None)

    def showEvent(self, event: QShowEvent) -> None:
        """See how the login stands: the tray's menu changes it too."""
        super().showEvent(event)
        self.read_login()

    def read_login(self) -> None:
        """Show whether the program starts at login."""
        if self._windows.login_item is None:
            return
        try:
            self._login.show_value(self._windows.login_item.is_enabled())
        except OSError:
            log.warning("cannot read whether the program starts at login", exc_info=True)

    def _on_login(self) -> None:
        item = self._windows.login_item
        if item is None:
            return
        self.login_row.show_problem("")
        try:
            if self._login.isChecked():
                item.enable()
            else:
                item.disable()
        except OSError as err:
            log.warning("cannot change whether the program starts at login", exc_info=True)
            why = err.strerror or str(err)
            self.login_row.show_problem(t("tray.autostart_failed", why=why))
        self.read_login()


class ConnectionPage(SettingPage):
    """The way to WhatsApp, and how often the sessions are looked at."""

    def __init__(self, editor: SettingEditor, windows: "Windows") -> None:
        super().__init__(editor, t("settings.connection"))
        self.way = WayEditor(windows, editor)
        words = t("settings.way"), t("settings.way_hint")
        self.add_card(self._keep("proxy", Row(*words, self.way, beside=False)))
        self.add_card(
            self.span(
                "check_interval_s",
                (t("settings.check"), t("settings.check_hint")),
                Span(_units("settings.seconds", "settings.minutes")),
            ),
            self.span(
                "verify_interval_s",
                (t("settings.verify"), t("settings.verify_hint")),
                Span(_units("settings.seconds", "settings.minutes")),
            ),
            heading=t("settings.watching"),
        )
        self._windows = windows
        self.account = Choice(())
        self.account.setObjectName("way-account")
        self.account_row = Row(
            t("settings.way_account"), t("settings.way_account_hint"), self.account
        )
        self.account_way = WayEditor(windows, editor, _NOBODY)
        self.account_way.setAccessibleName(t("settings.way"))
        self._accounts = self.add_card(
            self.account_row, self.account_way, heading=t("settings.way_own")
        )
        self.account.chosen.connect(self.account_way.show_account)
        self.account_way.taken.connect(self._list_accounts)
        self._list_accounts()

    def showEvent(self, event: QShowEvent) -> None:
        """List the accounts there are now."""
        super().showEvent(event)
        self._list_accounts()

    def refresh(self) -> None:
        """Show what is in use, the ways too."""
        super().refresh()
        self.way.refresh()
        self.account_way.refresh()

    def _list_accounts(self) -> None:
        """List the accounts, each with its own way if it has one; the chosen one stays chosen."""
        own = self._windows.program.proxies.of_accounts()
        chosen = self.account.value if self.account.count() else ""
        self.account.clear()
        for snapshot in self._windows.program.manager.snapshots():
            name = shown_name(snapshot)
            if snapshot.id in own:
                name = t("settings.way_of", name=name, way=way_words(own[snapshot.id]))
            self.account.addItem(name, snapshot.id)
        self._accounts.setVisible(self.account.count() > 0)
        if self.account.count():
            self.account.setCurrentIndex(max(0, self.account.findData(chosen)))
            self.account_way.show_account(self.account.value)


class AnswersPage(SettingPage):
    """When the bot answers."""

    def __init__(self, editor: SettingEditor) -> None:
        super().__init__(editor, t("settings.answers"), t("settings.answers_words"))
        self.add_card(
            self.span(
                "quiet_s",
                (t("settings.quiet"), t("settings.quiet_hint")),
                Span(_units("settings.seconds"), decimals=1),
            ),
            self.span(
                "answer_max_age_h",
                (t("settings.age"), t("settings.age_hint")),
                Span(_units("settings.minutes", "settings.hours", "settings.days")),
                unit_s=_HOUR,
            ),
        )


class DataPage(SettingPage):
    """Where everything lies, and what guards it."""

    def __init__(self, editor: SettingEditor, windows: "Windows") -> None:
        super().__init__(editor, t("settings.data"))
        self._windows = windows
        paths = windows.program.paths
        self.folder = _Place(t("settings.folder"), t("settings.folder_hint"), paths.data)
        self.file = _Place(t("settings.file"), t("settings.file_hint"), paths.settings_file)
        self.key = _Fact(t("settings.key"))
        self.live = _Fact(t("settings.live"))
        self.live.say(t("settings.live_ram" if paths.runtime_in_ram else "settings.live_disk"))
        self.add_card(self.folder, self.file)
        self.add_card(self.key, self.live)
        self.add_card(
            self.choice(
                "log_level",
                (t("settings.log"), t("settings.log_hint")),
                {
                    "warning": t("settings.log_warning"),
                    "info": t("settings.log_info"),
                    "debug": t("settings.log_debug"),
                },
            )
        )

    def showEvent(self, event: QShowEvent) -> None:
        """Ask how the key stands: a keyring may have been locked or opened since."""
        super().showEvent(event)
        self._windows.actions.jobs.start("settings: the key", self._ask_key)

    async def _ask_key(self) -> None:
        keys = self._windows.program.keys
        at_hand, absent = _KEY_WORDS[keys.kind]
        self.key.say(t(at_hand if await keys.is_available() else absent))


class _Fact(QWidget):
    """Something to know."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.words = label("", role="quiet")
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(24)
        column = QVBoxLayout()
        column.setSpacing(2)
        column.addWidget(label(title))
        column.addWidget(self.words)
        self._column = column
        self._line.addLayout(column, 1)

    def say(self, words: str) -> None:
        """Say how it is."""
        self.words.setText(words)


class _Place(_Fact):
    """A file or folder, and a button that shows it."""

    def __init__(self, title: str, hint: str, path: Path) -> None:
        super().__init__(title)
        self.path = path
        self.say(hint)
        self.where = QLineEdit(str(path))
        self.where.setReadOnly(True)
        self.where.setCursorPosition(0)
        self.where.setAccessibleName(title)
        self.where.setAccessibleDescription(hint)
        self.problem = label("", role="error")
        self.problem.hide()
        self._column.addSpacing(4)
        self._column.addWidget(self.where)
        self._column.addWidget(self.problem)
        self.open = button(t("settings.open"), self._on_open)
        self.open.setAccessibleName(t("settings.open_what", what=title))
        self._line.addWidget(self.open, 0, Qt.AlignmentFlag.AlignBottom)

    def _on_open(self) -> None:
        target = self.path if self.path.exists() else self.path.parent
        done = QDesktopServices.openUrl(QUrl.fromLocalFile(str(target)))
        self.problem.setText("" if done else t("settings.unopened"))
        self.problem.setVisible(not done)


def _units(*keys: str) -> tuple[tuple[int, str], ...]:
    """Return units of time with their words."""
    lengths = {
        "settings.seconds": 1,
        "settings.minutes": 60,
        "settings.hours": _HOUR,
        "settings.days": 24 * _HOUR,
    }
    return tuple((lengths[key], t(key)) for key in keys)
