"""The way to WhatsApp, of all accounts or of one: a choice, and a proxy to try and to use."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from wabot_tray.core.errors import WabotError
from wabot_tray.core.proxies import AS_SET, NONE, SYSTEM, parse_proxy
from wabot_tray.gui.parts import button, label, restyle
from wabot_tray.gui.settingeditor import SettingEditor
from wabot_tray.gui.settingrows import Choice
from wabot_tray.system.i18n import sentence, t

if TYPE_CHECKING:
    from wabot_tray.gui.windows import Windows

PROXY: Final = "proxy"  # the choice that has an address


class WayEditor(QWidget):
    """One way. "System" and "straight" are taken at once, an address when it is complete.

    Args:
        windows: What it works with.
        editor: Keeps the settings.
        account_id: Whose way; "" for all accounts that have none of their own.
    """

    taken = Signal()  # another way, by the person

    def __init__(self, windows: "Windows", editor: SettingEditor, account_id: str = "") -> None:
        super().__init__()
        self._proxies = windows.program.proxies
        self._jobs = windows.actions.jobs
        self._editor = editor
        self._account = account_id
        self._shown: str | None = None
        own = ((AS_SET, t("settings.way_as_set")),) if account_id else ()
        self.choice = Choice(
            (
                *own,
                (SYSTEM, t("settings.way_system")),
                (NONE, t("settings.way_none")),
                (PROXY, t("settings.way_proxy")),
            )
        )
        self.choice.chosen.connect(self._on_chosen)
        self.address, self.user, self.password = QLineEdit(), QLineEdit(), QLineEdit()
        self.address.setPlaceholderText("http://proxy.example:3128")
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.test = button(t("settings.way_test"), self._on_test)
        self.use = button(t("settings.way_use"), self._on_use, role="primary")
        self.told = label("", role="quiet")
        self.told.hide()
        self.form = self._build_form()
        self._build()
        for field in (self.address, self.user, self.password):
            field.returnPressed.connect(self._on_use)
        self.refresh()

    def setAccessibleName(self, name: str) -> None:
        """Name the choice; the fields have names of their own."""
        self.choice.setAccessibleName(name)

    def setAccessibleDescription(self, description: str) -> None:
        """Describe the choice."""
        self.choice.setAccessibleDescription(description)

    @property
    def way(self) -> str:
        """What is in use."""
        if self._account:
            return self._proxies.of_accounts().get(self._account, AS_SET)
        return self._editor.settings.proxy

    def refresh(self) -> None:
        """Show what is in use, unless that is shown or another address is being written."""
        way = self.way
        if way == self._shown:
            return
        self._shown = way
        is_proxy = way not in {AS_SET, SYSTEM, NONE}
        self.choice.show_value(PROXY if is_proxy else way)
        self.form.setVisible(is_proxy)
        if is_proxy:
            proxy = parse_proxy(way)
            self.address.setText(f"{proxy.scheme}://{proxy.place}")
            self.user.setText(proxy.user)
            self.password.clear()
            self._jobs.start(f"settings: password {self._account}", self._ask_password)

    def show_account(self, account_id: str) -> None:
        """Be about another account from now on; what was written and not used is gone."""
        if account_id != self._account:
            self._account, self._shown = account_id, None
            self.say("", is_wrong=False)
            for field in (self.address, self.user, self.password):
                field.clear()
            self.refresh()

    def say(self, words: str, *, is_wrong: bool) -> None:
        """Say what came of a click."""
        self.told.setText(words)
        restyle(self.told, "role", "error" if is_wrong else "quiet")
        self.told.setVisible(bool(words))

    # --- what the person did ---------------------------------------------------------------------

    def _on_chosen(self, value: str) -> None:
        self.say("", is_wrong=False)
        self.form.setVisible(value == PROXY)
        if value == PROXY:
            self.address.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self._take(value, None)

    def _on_use(self) -> None:
        if (way := self._written()) is not None:
            # An empty field leaves the password that is kept as it is.
            self._take(way, self.password.text() or None)

    def _on_test(self) -> None:
        way = self._written() if self.choice.value == PROXY else self.choice.value
        if way is None:
            return
        way = way if way != AS_SET else self._editor.settings.proxy
        self.say(t("settings.way_trying"), is_wrong=False)
        self.test.setEnabled(False)
        password = self.password.text() or None

        async def ask() -> None:
            try:
                reason = await self._proxies.why_shut(way, password)
            finally:
                self.test.setEnabled(True)
            if reason is None:
                self.say(t("settings.way_open"), is_wrong=False)
            else:
                self.say(t(f"reason.{reason}"), is_wrong=True)

        self._start("settings: try", ask)

    def _written(self) -> str | None:
        """Return the address as it stands in the fields, or say what is wrong and return None."""
        try:
            proxy = parse_proxy(self.address.text())
            user = self.user.text().strip() or proxy.user
            if self.password.text() and not user:
                self.say(t("error.proxy_user"), is_wrong=True)
                return None
            password = self.password.text() or proxy.password
            self.address.setText(f"{proxy.scheme}://{proxy.place}")
            self.user.setText(user)
            self.password.setText(password)
            return parse_proxy(proxy.with_user(user).bare).bare
        except WabotError as err:
            self.say(sentence(err), is_wrong=True)
            self.address.setFocus(Qt.FocusReason.OtherFocusReason)
            return None

    def _take(self, way: str, password: str | None) -> None:
        before = self._editor.settings.proxy

        async def take() -> None:
            account_id = self._account or None
            await self._proxies.set(way, password=password, account_id=account_id)
            if not self._account and before != self._editor.settings.proxy:
                self._editor.note({"proxy": before})
            self._shown = None
            self.refresh()
            self.taken.emit()
            if way not in {AS_SET, SYSTEM, NONE}:
                self.say(t("settings.way_used"), is_wrong=False)

        self._start(f"settings: way {self._account}", take)

    def _start(self, name: str, work: Callable[..., object]) -> None:
        self._jobs.start(name, work, tell_error=self._on_error)  # type: ignore[arg-type]

    def _on_error(self, words: str) -> None:
        self.say(words, is_wrong=True)

    async def _ask_password(self) -> None:
        kept = await self._proxies.has_password(self.way)
        self.password.setPlaceholderText(t("settings.way_kept") if kept else "")

    # --- construction ----------------------------------------------------------------------------

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(self.choice)
        top.addWidget(self.test)
        top.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self.form)
        column.addWidget(self.told)
        self.setFocusProxy(self.choice)

    def _build_form(self) -> QWidget:
        made = QWidget()
        grid = QGridLayout(made)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        for row, (words, field) in enumerate(
            (
                (t("settings.way_address"), self.address),
                (t("settings.way_user"), self.user),
                (t("settings.way_password"), self.password),
            )
        ):
            name = label(words, wrap=False)
            name.setBuddy(field)
            field.setAccessibleName(words)
            grid.addWidget(name, row, 0)
            grid.addWidget(field, row, 1)
        grid.addWidget(label(t("settings.way_sealed"), role="quiet"), 3, 1)
        grid.addWidget(self.use, 4, 1, Qt.AlignmentFlag.AlignLeft)
        grid.setColumnStretch(1, 1)
        return made


def way_words(way: str) -> str:
    """Return a way in words, for a list of accounts."""
    known = {SYSTEM: "settings.way_system", NONE: "settings.way_none"}
    return t(known[way]) if way in known else parse_proxy(way).place
