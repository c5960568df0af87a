"""The questions: a new account, another name, and whether one may go. None blocks the loop."""

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from wabot_tray.core.accounts import suggested_id
from wabot_tray.core.errors import WabotError
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.gui.actions import shown_name
from wabot_tray.gui.parts import button, label
from wabot_tray.gui.ports import Sessions
from wabot_tray.system.i18n import sentence, t

LABEL_LENGTH: Final = 60
_WIDTH: Final = 480


class Question(QDialog):
    """A heading, some words, perhaps fields, and two buttons."""

    def __init__(self, parent: QWidget | None, title: str, words: str) -> None:
        super().__init__(parent)
        self.setObjectName("window")
        self.setWindowTitle(title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(24, 22, 24, 20)
        self.body.setSpacing(12)
        self.body.addWidget(label(title, role="title"))
        self.body.addWidget(label(words, role="quiet"))

    def add_field(self, words: str, field: QLineEdit) -> None:
        """Add a field with its name above it."""
        name = label(words, wrap=False)
        name.setBuddy(field)
        field.setAccessibleName(words)
        column = QVBoxLayout()
        column.setSpacing(5)
        column.addWidget(name)
        column.addWidget(field)
        self.body.addLayout(column)

    def fit(self) -> None:
        """Take the height the words need at this width; Qt's own guess is for narrower ones."""
        layout = self.layout()
        if layout is not None:
            self.setFixedSize(_WIDTH, layout.totalHeightForWidth(_WIDTH))

    def showEvent(self, event: QShowEvent) -> None:
        """Fit the words."""
        super().showEvent(event)
        self.fit()

    def end_with(self, words: str, role: str) -> QHBoxLayout:
        """Close the layout with "Cancel" and the button that does it, and return their row."""
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addStretch(1)
        self.cancel = button(t("gui.cancel"), self.reject)
        self.go = button(words, self.accept, role=role)
        self.go.setDefault(role == "primary")
        row.addWidget(self.cancel)
        row.addWidget(self.go)
        self.body.addSpacing(6)
        self.body.addLayout(row)
        return row


class AddAccountDialog(Question):
    """Asks for a name; the short name for commands follows it until the person writes one."""

    added = Signal(str)  # the account's id

    def __init__(self, manager: Sessions, parent: QWidget | None = None) -> None:
        super().__init__(parent, t("add.title"), t("add.words"))
        self._manager = manager
        self._own_id = False
        self.name = QLineEdit()
        self.name.setMaxLength(LABEL_LENGTH)
        self.name.setPlaceholderText(t("add.name_example"))
        self.id = QLineEdit()
        self.id.setMaxLength(64)
        self.id.setToolTip(t("add.id_hint"))
        self.problem = label("", role="error")
        self.problem.hide()
        self.add_field(t("add.name"), self.name)
        self.add_field(t("add.id"), self.id)
        self.body.addWidget(label(t("add.id_hint"), role="quiet"))
        self.body.addWidget(self.problem)
        self.end_with(t("add.go"), "primary")
        self.name.textChanged.connect(self._on_name)
        self.id.textEdited.connect(self._on_id_edited)
        self._on_name("")
        self.name.setFocus()

    def accept(self) -> None:
        """Add the account, or say why not and stay open."""
        label_text, account_id = self.name.text().strip(), self.id.text().strip()
        try:
            self._manager.add(account_id, label_text)
        except WabotError as err:
            self.problem.setText(sentence(err))
            self.problem.show()
            self.fit()
            self.id.setFocus()
            return
        super().accept()
        self.added.emit(account_id)

    def _on_name(self, text: str) -> None:
        if not self._own_id:
            self.id.setText(suggested_id(text, {s.id for s in self._manager.snapshots()}))
        self.go.setEnabled(bool(text.strip()))

    def _on_id_edited(self, text: str) -> None:
        self._own_id = bool(text)
        self.problem.hide()
        self.fit()


class RenameDialog(Question):
    """Asks for another name."""

    renamed = Signal(str, str)  # the account's id, its new name

    def __init__(self, snapshot: SessionSnapshot, parent: QWidget | None = None) -> None:
        super().__init__(parent, t("rename.title"), t("rename.words"))
        self._id = snapshot.id
        self.name = QLineEdit(snapshot.label)
        self.name.setMaxLength(LABEL_LENGTH)
        self.name.setAccessibleName(t("add.name"))
        self.name.selectAll()
        self.body.addWidget(self.name)
        self.end_with(t("rename.go"), "primary")
        self.name.textChanged.connect(lambda text: self.go.setEnabled(bool(text.strip())))
        self.name.setFocus()

    def accept(self) -> None:
        """Pass the new name on."""
        super().accept()
        self.renamed.emit(self._id, self.name.text().strip())


class RemoveDialog(Question):
    """Asks whether an account may go for good."""

    confirmed = Signal(str)  # the account's id

    def __init__(self, snapshot: SessionSnapshot, parent: QWidget | None = None) -> None:
        name = shown_name(snapshot)
        super().__init__(parent, t("remove.title", name=name), t("remove.words", name=name))
        self._id = snapshot.id
        self.end_with(t("remove.go"), "danger")
        self.cancel.setDefault(True)
        self.cancel.setFocus()

    def accept(self) -> None:
        """Pass the decision on."""
        super().accept()
        self.confirmed.emit(self._id)


class ReplaceDialog(Question):
    """Asks whether a file that is there already may go."""

    confirmed = Signal()

    def __init__(self, path: Path, parent: QWidget | None = None) -> None:
        words = t("replace.words", name=path.name, folder=path.parent)
        super().__init__(parent, t("replace.title"), words)
        self.end_with(t("replace.go"), "danger")
        self.cancel.setDefault(True)
        self.cancel.setFocus()

    def accept(self) -> None:
        """Pass the decision on."""
        super().accept()
        self.confirmed.emit()


class BackgroundDialog(Question):
    """Asks, where no tray would show it, whether the program goes on without a window."""

    quit_chosen = Signal()
    background_chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, t("background.title"), t("background.words"))
        row = self.end_with(t("background.go"), "primary")
        row.insertWidget(0, button(t("background.quit"), self._on_quit, role="danger"))

    def accept(self) -> None:
        """Pass the decision on."""
        super().accept()
        self.background_chosen.emit()

    def _on_quit(self) -> None:
        self.reject()
        self.quit_chosen.emit()
