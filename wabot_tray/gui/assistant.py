"""The first-run assistant: from nothing to the first answered message, one question at a time."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
)

from wabot_tray.bot.rule_file import RuleFile
from wabot_tray.bot.templates import Template, install_template, switch_off
from wabot_tray.core.accounts import suggested_id
from wabot_tray.core.errors import WabotError
from wabot_tray.core.snapshot import PairingStage, SessionSnapshot
from wabot_tray.gui.assistantpages import (
    HonestPage,
    LastPage,
    LinkPage,
    NamePage,
    Page,
    ReplyPage,
    WelcomePage,
    plain_button,
)
from wabot_tray.gui.pairingpanel import PairingPanel
from wabot_tray.gui.parts import button, label
from wabot_tray.gui.scroll import ScrollPage
from wabot_tray.gui.window import TURN_MS, Window, keep_for_later
from wabot_tray.system.i18n import language, sentence, t

if TYPE_CHECKING:
    from wabot_tray.gui.windows import Windows

BACKUP: Final = "backup"  # the opening that restores
_SIZE: Final = QSize(900, 680)


class Step(IntEnum):
    """The pages, in order."""

    WELCOME = 0
    HONEST = 1
    NAME = 2
    LINK = 3
    REPLY = 4
    LAST = 5


class Assistant(Window):
    """Leads through the first start. What was done stays done, wherever the person leaves.

    Args:
        windows: What it belongs to.
    """

    finished = Signal()

    def __init__(self, windows: "Windows") -> None:
        super().__init__("assistant", t("assistant.title"), windows.store, _SIZE)
        self._windows = windows
        self._manager = windows.bridge.manager
        self._jobs = windows.actions.jobs
        self.account_id = ""
        self._answers = False
        self._is_told = False
        self.welcome = WelcomePage(can_restore=windows.offers(BACKUP))
        self.honest = HonestPage()
        self.name = NamePage()
        self.link = LinkPage()
        self.reply = ReplyPage()
        self.last = LastPage(has_login_item=windows.login_item is not None)
        self._pages: tuple[Page, ...] = (
            self.welcome, self.honest, self.name, self.link, self.reply, self.last,
        )  # fmt: skip
        self._build()
        self._listen()
        self._begin_anew()

    @property
    def step(self) -> Step:
        """The page in view."""
        return Step(self._stack.currentIndex())

    def carry(self) -> object:
        """Return where the person is and which account it is about."""
        linked = self.link.is_linked
        return self.step, self.account_id, self.name.name.text(), linked, self._answers

    def resume(self, carried: object) -> None:
        """Go on at the page that was open."""
        if isinstance(carried, tuple):
            step, self.account_id, name, self.link.is_linked, self._answers = carried
            self.name.name.setText(name)
            self._go_to(step)

    def bring_up(self) -> None:
        """Show the window; one that was closed begins at its first page."""
        if not self.isVisible():
            self._begin_anew()
        super().bring_up()
        self._focus()

    def end(self) -> None:
        """Close with the program, or to be made anew: no other window takes its place."""
        self._is_told = True
        super().end()

    def closeEvent(self, event: QCloseEvent) -> None:
        """End an attempt to link; everything else that was done stays."""
        self._drop_panel()
        super().closeEvent(event)
        if not self._is_told:
            self._is_told = True
            self.finished.emit()

    # --- construction ----------------------------------------------------------------------------

    def _build(self) -> None:
        self.count = label("", role="quiet", wrap=False)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, len(self._pages))
        self.bar.setAccessibleName(t("assistant.progress"))
        self._stack = QStackedWidget()
        self._stack.addWidget(ScrollPage(self.welcome))
        for page in self._pages[1:]:
            keep_for_later(page, self)
        QTimer.singleShot(TURN_MS, self, self._add_pages)
        self.back = plain_button(t("assistant.back"), self._on_back)
        self.skip = plain_button("", self._on_skip)
        self.go = button("", self._on_go, role="primary")
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.back)
        row.addStretch(1)
        row.addWidget(self.skip)
        row.addWidget(self.go)
        column = QVBoxLayout(self)
        column.setContentsMargins(32, 24, 32, 24)
        column.setSpacing(14)
        column.addWidget(self.count)
        column.addWidget(self.bar)
        column.addWidget(self._stack, 1)
        column.addLayout(row)

    def _add_pages(self) -> None:
        """Add the pages that the first turn of the window has left out."""
        for page in self._pages[self._stack.count() :]:
            self._stack.addWidget(ScrollPage(page))

    def _listen(self) -> None:
        for page in self._pages:
            page.ready_changed.connect(self._show_buttons)
        self.welcome.language_chosen.connect(self._on_language)
        self.welcome.restore_wanted.connect(self._on_restore)
        self.name.name.returnPressed.connect(self._on_go)
        self._windows.bridge.session_changed.connect(self._on_session)
        self._windows.bridge.session_removed.connect(self._on_removed)

    # --- from page to page -----------------------------------------------------------------------

    def _begin_anew(self) -> None:
        begun = self._begun_before()
        self.account_id = "" if begun is None else begun.id
        self._answers = self._is_told = False
        self.link.is_linked = False
        self.name.name.setText("" if begun is None else begun.label)
        self._go_to(Step.WELCOME)

    def _begun_before(self) -> SessionSnapshot | None:
        """Return the only account where it never had a phone: it was left halfway."""
        accounts = self._manager.snapshots()
        return accounts[0] if len(accounts) == 1 and accounts[0].phone is None else None

    def _go_to(self, step: Step) -> None:
        if self.step is Step.LINK and step is not Step.LINK:
            self._drop_panel()
        if step is not Step.WELCOME:
            self._add_pages()
        self._stack.setCurrentIndex(step)
        count = t("assistant.step", number=step + 1, count=len(self._pages))
        self.count.setText(count)
        self.setWindowTitle(f"{t('assistant.title')} · {count}")  # screen readers read it out
        self.bar.setValue(step + 1)
        if step is Step.LINK:
            self._begin_link()
        elif step is Step.REPLY:
            self.reply.suggest(self.name.name.text())
        elif step is Step.LAST:
            self.last.autostart.setChecked(True)
            self._show_last()
        self._show_buttons()
        self._focus()

    def _show_buttons(self) -> None:
        page = self._pages[self.step]
        self.back.setVisible(self.step is not Step.WELCOME)
        self.skip.setVisible(bool(page.skip_key))
        self.skip.setText(t(page.skip_key) if page.skip_key else "")
        self.go.setText(t(page.go_key))
        self.go.setEnabled(page.is_ready)

    def _focus(self) -> None:
        wanted = self._pages[self.step].first_focus()
        (wanted or self.go).setFocus()

    def _on_back(self) -> None:
        before = Step(self.step - 1)
        if before is Step.REPLY and not self._may_ask_for_replies:
            before = Step.LINK
        is_over = before is Step.LINK and self.link.is_linked
        self._go_to(Step.NAME if is_over else before)

    @property
    def _may_ask_for_replies(self) -> bool:
        """Whether no other account uses the rules, which are the same for all."""
        return all(one.id == self.account_id for one in self._manager.snapshots())

    def _go_on_from_link(self) -> None:
        if self._may_ask_for_replies:
            self._go_to(Step.REPLY)
            return
        path = self._windows.program.paths.bot_file

        async def work() -> None:
            self._answers = await asyncio.to_thread(_speaks, path)
            self._go_to(Step.LAST)

        self._jobs.start("replies", work)

    def _on_skip(self) -> None:
        if self.step is Step.REPLY:
            self._use_replies({})
        else:
            self._go_on_from_link()

    def _on_go(self) -> None:
        if not self.go.isEnabled():
            return
        match self.step:
            case Step.NAME:
                self._use_name()
            case Step.LINK:
                self._go_on_from_link()
            case Step.REPLY:
                self._use_replies(self.reply.chosen())
            case Step.LAST:
                self._finish()
            case step:
                self._go_to(Step(step + 1))

    # --- what each page does ---------------------------------------------------------------------

    def _on_language(self, code: str) -> None:
        wanted = dataclasses.replace(self._windows.program.settings, language=code)
        self._jobs.start("language", lambda: self._windows.program.apply(wanted))

    def _on_restore(self) -> None:
        self._windows.show_restore()

    def _use_name(self) -> None:
        name = self.name.name.text().strip()
        try:
            if self.account_id:
                self._manager.rename(self.account_id, name)
            else:
                taken = {snapshot.id for snapshot in self._manager.snapshots()}
                self.account_id = self._manager.add(suggested_id(name, taken), name).id
        except WabotError as err:
            self.name.refuse(sentence(err))
            return
        if self.link.is_linked:
            self._go_on_from_link()
        else:
            self._go_to(Step.LINK)

    def _begin_link(self) -> None:
        try:
            panel = PairingPanel(
                self._windows.bridge, self.account_id, self._jobs, clock=self._windows.clock
            )
        except WabotError:  # removed a moment ago, from the tray
            self._begin_anew()
            return
        panel.done_words = t("assistant.linked_words")
        panel.stage_changed.connect(self._on_stage)
        self.link.hold(panel)

    def _drop_panel(self) -> None:
        if isinstance(self.link.panel, PairingPanel):
            self.link.panel.let_go()
        self.link.hold(None)

    def _on_stage(self, stage: PairingStage) -> None:
        if stage is PairingStage.DONE:
            self.link.is_linked = True
            self._show_buttons()
            self.go.setFocus()

    def _use_replies(self, chosen: Mapping[Template, str]) -> None:
        path = self._windows.program.paths.bot_file
        shop = self.name.name.text().strip()

        async def work() -> None:
            await asyncio.to_thread(_install, path, shop, chosen)
            self._answers = bool(chosen)
            self._go_to(Step.LAST)

        self._jobs.start("replies", work, tell_error=self.reply.refuse)

    def _show_last(self) -> None:
        with contextlib.suppress(WabotError):
            self.last.show_for(self._manager.snapshot(self.account_id), answers=self._answers)

    def _on_session(self, snapshot: SessionSnapshot) -> None:
        if snapshot.id == self.account_id and self.step is Step.LAST:
            self.last.show_for(snapshot, answers=self._answers)

    def _on_removed(self, account_id: str) -> None:
        if account_id == self.account_id:
            self._begin_anew()

    def _finish(self) -> None:
        self.close()  # first: a refusal is told where the person looks next
        self._windows.menu.set_autostart(self.last.autostart.isChecked())


def _speaks(path: Path) -> bool:
    """Whether any rule is switched on; of a file with a mistake nothing is promised."""
    try:
        return any(rule.enabled for rule in RuleFile(path, language()).document().rules)
    except WabotError:
        return False


def _install(path: Path, shop: str, chosen: Mapping[Template, str]) -> None:
    """Switch the chosen replies on, and the example's greeting off where it is not among them."""
    for template, reply in chosen.items():
        install_template(path, template, shop=shop, reply=reply)
    if Template.GREETING not in chosen:
        switch_off(path, Template.GREETING)
