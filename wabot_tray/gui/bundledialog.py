"""Saving diagnostics: what there is, what of it goes in, and where it is kept."""

from pathlib import Path
from typing import Final

from PySide6.QtCore import QSize, QStandardPaths, Qt, QUrl, Signal
from PySide6.QtGui import QCloseEvent, QDesktopServices, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from wabot_tray import __version__
from wabot_tray.control.bundle import collect, save, suggested_name
from wabot_tray.control.bundleparts import Part
from wabot_tray.control.diagnosis import Running
from wabot_tray.core.clock import Clock
from wabot_tray.core.errors import WabotError
from wabot_tray.gui.actions import Tone
from wabot_tray.gui.background import Background
from wabot_tray.gui.banner import Banners
from wabot_tray.gui.dialogs import ReplaceDialog
from wabot_tray.gui.parts import button, label
from wabot_tray.gui.partslist import PartsList, PartView
from wabot_tray.gui.ports import Program
from wabot_tray.gui.wording import locale
from wabot_tray.system.i18n import sentence, t, tn

ANSWER: Final = "answer"
_SIZE: Final = QSize(980, 640)
_EXISTS: Final = "error.bundle_exists"
_FINE: Final = 1000  # steps of the bar


class BundleDialog(QDialog):
    """Collects in a thread, shows what it has, and saves what is ticked."""

    saved = Signal(object)  # where, a Path

    def __init__(self, program: Program, clock: Clock, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._program = program
        self._clock = clock
        self._target: Path | None = None
        self.setObjectName("window")
        self.setWindowTitle(t("bundle.title"))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(_SIZE.boundedTo(self.screen().availableSize()))
        self.banners = Banners()
        self.files = PartsList()
        self.what = label("", role="quiet")
        self.view = PartView()
        self.collecting = Background("bundle", self)
        self.saving = Background("bundle-save", self)
        self._build()
        self.files.viewed.connect(self._on_viewed)
        self.files.chosen_changed.connect(self._show_state)
        for work, done in ((self.collecting, self._on_collected), (self.saving, self._on_saved)):
            work.progressed.connect(self._on_progress)
            work.done.connect(done)
            work.failed.connect(self._on_failed)
        self._show_state()

    def showEvent(self, event: QShowEvent) -> None:
        """Begin to collect."""
        super().showEvent(event)
        if not self.files.count():
            self.collect()

    def closeEvent(self, event: QCloseEvent) -> None:
        """End what is under way; nothing half-written stays."""
        self._give_up()
        super().closeEvent(event)

    def reject(self) -> None:
        """Stop what is being saved, and only then close."""
        if self.saving.is_busy:
            self.saving.cancel()
            self.banners.show_notice(ANSWER, t("bundle.cancelled"), Tone.INFO)
            self._show_state()
            return
        self._give_up()
        super().reject()

    def collect(self) -> None:
        """Gather what a bundle may hold, as it is now."""
        program = self._program
        # What only this thread may ask is asked here; the files and the network are not.
        running = Running(
            version=__version__,
            sessions=program.manager.snapshots(),
            checks=tuple(program.extra_checks()),
            facts=program.facts(),
        )
        now = self._clock.now()
        self.collecting.start(lambda step: collect(program.paths, running, now=now, step=step))
        self._show_state()

    def ask_place(self) -> QFileDialog:
        """Ask where the file is to be kept."""
        kind = QStandardPaths.StandardLocation.DocumentsLocation
        folder = Path(QStandardPaths.writableLocation(kind) or Path.home())
        if not folder.is_dir():
            folder = Path.home()
        dialog = QFileDialog(self, t("bundle.title"), str(folder), t("bundle.kind") + " (*.zip)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)  # we ask, in the same words
        dialog.setDefaultSuffix("zip")
        dialog.selectFile(suggested_name(self._clock.now()))
        dialog.fileSelected.connect(lambda name: self.save_to(Path(name)))
        dialog.open()
        return dialog

    def save_to(self, target: Path, *, replace: bool = False) -> None:
        """Save what is ticked into `target`; where a file is already, ask first."""
        parts, self._target = self.files.chosen, target
        self.saving.start(lambda step: save(parts, target, replace=replace, step=step))
        self._show_state()

    # --- construction ----------------------------------------------------------------------------

    def _build(self) -> None:
        right = QWidget()
        right.setObjectName("page")
        inner = QVBoxLayout(right)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(6)
        inner.addWidget(self.view, 1)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(12)
        split.addWidget(self.files)
        split.addWidget(right)
        split.setStretchFactor(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        column.addWidget(label(t("bundle.title"), role="title"))
        column.addWidget(label(t("bundle.words"), role="quiet"))
        column.addWidget(self.banners)
        column.addWidget(split, 1)
        column.addWidget(self.what)
        column.addLayout(self._build_footer())

    def _build_footer(self) -> QHBoxLayout:
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, _FINE)
        self.bar.setAccessibleName(t("bundle.progress"))
        self.state = label("", role="quiet", wrap=False)
        self.cancel = button(t("gui.cancel"), self.reject)
        self.go = button(t("bundle.go"), self.ask_place, role="primary")
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.state)
        row.addWidget(self.bar, 1)
        row.addStretch(1)
        row.addWidget(self.cancel)
        row.addWidget(self.go)
        return row

    # --- what comes ------------------------------------------------------------------------------

    def _on_progress(self, done: int, whole: int) -> None:
        self.bar.setValue(_FINE * done // max(1, whole))

    def _on_collected(self, parts: tuple[Part, ...]) -> None:
        self.files.show_parts(parts)
        self.files.setFocus()
        self._show_state()

    def _on_viewed(self, part: Part) -> None:
        self.what.setText(t(part.key))
        self.view.show_part(part)

    def _on_saved(self, _size: int) -> None:
        target = self._target
        if target is not None:
            words = t("bundle.saved", name=target.name, folder=target.parent.name)
            offer = (t("bundle.show"), lambda: self._show_in_folder(target))
            self.banners.drop(ANSWER)
            self.banners.show_notice(ANSWER, words, Tone.GOOD, offer)
            self.cancel.setText(t("gui.close"))
            self.saved.emit(target)
        self._show_state()

    def _on_failed(self, error: Exception) -> None:
        self._show_state()
        if isinstance(error, WabotError) and error.message_key == _EXISTS and self._target:
            target = self._target
            dialog = ReplaceDialog(target, self)
            dialog.confirmed.connect(lambda: self.save_to(target, replace=True))
            dialog.open()
            return
        told = sentence(error) if isinstance(error, WabotError) else t("gui.unexpected")
        self.banners.drop(ANSWER)
        self.banners.show_notice(ANSWER, told, Tone.ERROR)

    def _show_in_folder(self, target: Path) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(target.parent))):
            words = t("logs.folder_unopened", path=target.parent)
            self.banners.show_notice(ANSWER, words, Tone.WARNING)

    def _give_up(self) -> None:
        self.collecting.cancel()
        self.saving.cancel()

    def _show_state(self) -> None:
        is_busy = self.collecting.is_busy or self.saving.is_busy
        self.bar.setVisible(is_busy)
        chosen = self.files.chosen
        if self.collecting.is_busy:
            self.state.setText(t("bundle.collecting"))
        elif self.saving.is_busy:
            self.state.setText(t("bundle.saving"))
        else:
            size = locale().formattedDataSize(sum(len(part.content) for part in chosen))
            self.state.setText(tn("bundle.chosen", len(chosen), size=size))
        self.go.setEnabled(bool(chosen) and not is_busy)
        self.files.setEnabled(not self.saving.is_busy)
