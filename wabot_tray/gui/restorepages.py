"""The pages of a restore: which file, and what of it."""

from collections.abc import Callable, Collection
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from wabot_tray.control.choices import Candidate, Choice, candidates, wish_for
from wabot_tray.gui.backuppages import BackupPage, FileRow, caution
from wabot_tray.gui.parts import button, card, label
from wabot_tray.gui.passphrasefields import PassphraseFields
from wabot_tray.gui.settingrows import Choice as ChoiceBox
from wabot_tray.gui.wording import point_in_time
from wabot_tray.storage.backup_file import RULES, SETTINGS, Backup, Index
from wabot_tray.storage.registry import Account
from wabot_tray.storage.restore import Wish, Wishes
from wabot_tray.system.i18n import t
from wabot_tray.system.texts import masked_phone

_INDENT: Final = 28


class OpenPage(BackupPage):
    """A file and its passphrase."""

    file_wanted = Signal()
    wanted = Signal()

    def __init__(self, back: Callable[[], object]) -> None:
        super().__init__(t("restoring.heading"), t("restoring.open_words"))
        self.file = FileRow(t("restoring.file"), t("restoring.choose"), self.file_wanted.emit)
        self.passphrase = PassphraseFields(is_new=False)
        self.column.addWidget(self.file)
        self.column.addWidget(self.passphrase)
        self.problem = self.add_problem()
        self.column.addStretch(1)
        self.back = button(t("saving.back"), back)
        self.go = button(t("restoring.open"), self.wanted.emit, role="primary")
        self.buttons = [self.back, self.go]
        self.passphrase.changed.connect(self._follow)
        self.passphrase.entered.connect(self._on_entered)
        self.file.field.textChanged.connect(self._follow)
        self._follow()

    def begin(self) -> None:
        """Put the keyboard on what is missing."""
        if self.file.path is None:
            self.file.button.setFocus()
        else:
            self.passphrase.first.setFocus()
            self.passphrase.first.selectAll()

    def show_problem(self, sentence: str) -> None:
        """Say why it did not work; "" where it did."""
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))

    def _follow(self) -> None:
        self.go.setEnabled(self.passphrase.is_ready and self.file.path is not None)

    def _on_entered(self) -> None:
        if self.go.isEnabled():
            self.wanted.emit()


class AccountRow(QWidget):
    """One account of a backup, and what is to become of it."""

    changed = Signal()

    def __init__(self, candidate: Candidate) -> None:
        super().__init__()
        self.candidate = candidate
        account = candidate.account
        name = account.label or account.id
        self.choice = ChoiceBox(
            [
                (one.value, _words(one, is_here=candidate.here is not None))
                for one in candidate.options
            ]
        )
        self.choice.setAccessibleName(t("restoring.choice", name=name))
        self.hint = label("", role="quiet")
        phone = masked_phone(account.phone)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label(name, role="heading"))
        words.addWidget(label(phone or t("restoring.no_phone"), role="quiet"))
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addLayout(words, 1)
        row.addWidget(self.choice)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.hint)
        self.choice.chosen.connect(self.changed)

    @property
    def chosen(self) -> Choice:
        """What was chosen."""
        return Choice(self.choice.value)

    def wish(self, here: Collection[Account], taken: Collection[str]) -> Wish | None:
        """Return what the choice comes to."""
        return wish_for(self.candidate, self.chosen, here, taken=taken)

    def show_outcome(self, wish: Wish | None) -> None:
        """Say what will happen."""
        account, here = self.candidate.account, self.candidate.here
        if wish is None:
            text = t("restoring.hint_skip" if here is None else "restoring.hint_keep")
        elif wish.enabled is False:
            text = t("restoring.hint_double")
        elif not self.candidate.is_linked:
            text = t("restoring.hint_unlinked")
        elif not account.enabled:
            text = t("restoring.hint_stopped")
        elif self.chosen is Choice.REPLACE:
            text = t("restoring.hint_replace")
        else:
            text = t("restoring.hint_connects")
        self.hint.setText(text)
        self.choice.setAccessibleDescription(text)


class ChoosePage(BackupPage):
    """What a backup holds, what of it is wanted, and the one thing that must be true."""

    wanted = Signal()

    def __init__(self, back: Callable[[], object]) -> None:
        super().__init__(t("restoring.heading"), " ")
        self.rows: list[AccountRow] = []
        self._here: tuple[Account, ...] = ()
        self._list = card()
        self._rows = QVBoxLayout(self._list)
        self._rows.setContentsMargins(20, 16, 20, 16)
        self._rows.setSpacing(14)
        self.rules = QCheckBox(t("restoring.rules"))
        self.settings = QCheckBox(t("restoring.settings"))
        self.files_hint = label(t("restoring.files_hint"), role="quiet")
        self.files_hint.setContentsMargins(_INDENT, 0, 0, 0)
        self.closed = QCheckBox(t("restoring.closed"))
        self.problem = label("", role="error")
        self.problem.hide()
        self.column.addWidget(self._list)
        files = QVBoxLayout()
        files.setSpacing(2)
        for part in (self.rules, self.settings, self.files_hint):
            files.addWidget(part)
        self.column.addLayout(files)
        self.column.addWidget(caution(t("backup.only_one")))
        self.column.addWidget(self.closed)
        self.column.addWidget(self.problem)
        self.column.addStretch(1)
        self.back = button(t("saving.back"), back)
        self.go = button(t("restoring.go"), self.wanted.emit, role="primary")
        self.buttons = [self.back, self.go]
        for box in (self.rules, self.settings, self.closed):
            box.toggled.connect(self._follow)

    def begin(self) -> None:
        """Put the keyboard on the first choice."""
        if self.rows:
            self.rows[0].choice.setFocus()

    def show_backup(self, backup: Backup, here: tuple[Account, ...]) -> None:
        """Show what is inside, and the best guess of what is wanted."""
        self._here = here
        index = backup.index
        self.words.setText(
            t("restoring.made", when=point_in_time(index.made_at), computer=_plain(index.computer))
        )
        self._fill(index)
        for box, name in ((self.rules, RULES), (self.settings, SETTINGS)):
            box.setVisible(name in index.files)
            # Who has accounts here has rules for them too; others have only the examples.
            box.setChecked(name in index.files and not any(one.paired for one in here))
        self.files_hint.setVisible(bool(index.files))
        self.closed.setChecked(False)
        self.show_problem("")
        self._follow()

    def show_problem(self, sentence: str) -> None:
        """Say why it did not work; "" where it did."""
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))
        if sentence:
            self.ensureWidgetVisible(self.problem)

    def wishes(self) -> Wishes:
        """Return what is wanted."""
        found: list[Wish] = []
        for row in self.rows:
            wish = row.wish(self._here, [one.target for one in found])
            row.show_outcome(wish)
            if wish is not None:
                found.append(wish)
        boxes = ((self.rules, RULES), (self.settings, SETTINGS))
        files = frozenset(name for box, name in boxes if box.isChecked())
        return Wishes(accounts=tuple(found), files=files)

    def _fill(self, index: Index) -> None:
        for old in self.rows:
            self._rows.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.rows = [AccountRow(candidate) for candidate in candidates(index, self._here)]
        for row in self.rows:
            self._rows.addWidget(row)
            row.changed.connect(self._follow)
        widest = max((row.choice.sizeHint().width() for row in self.rows), default=0)
        before: QWidget | None = None
        for row in self.rows:
            row.choice.setMinimumWidth(widest)
            if before is not None:
                QWidget.setTabOrder(before, row.choice)
            before = row.choice
        if before is not None:
            for box in (self.rules, self.settings, self.closed):
                QWidget.setTabOrder(before, box)
                before = box

    def _follow(self) -> None:
        wishes = self.wishes()
        runs = any(wish.enabled is not False for wish in wishes.accounts)
        self.closed.setEnabled(bool(wishes.accounts))
        is_sure = self.closed.isChecked() or not runs
        self.go.setEnabled(bool(wishes.accounts or wishes.files) and is_sure)


def _words(choice: Choice, *, is_here: bool) -> str:
    match choice:
        case Choice.RESTORE:
            return t("restoring.do_restore")
        case Choice.REPLACE:
            return t("restoring.do_replace")
        case Choice.BESIDE:
            return t("restoring.do_beside")
        case Choice.SKIP:
            return t("restoring.do_keep") if is_here else t("restoring.do_skip")


def _plain(text: str) -> str:
    return "".join(sign for sign in text if sign.isprintable())
