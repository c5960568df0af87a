"""The forms of what stands beside the rules: the last answer, the opening hours, groups."""

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from wabot_tray.bot.rule_document import RuleDocument
from wabot_tray.bot.ruledraft import FallbackDraft, GeneralDraft, HoursDraft
from wabot_tray.bot.templates import Template, made
from wabot_tray.core.errors import BotFileError
from wabot_tray.gui.formparts import DaysField, OnceField, PeriodsField, section
from wabot_tray.gui.parts import label
from wabot_tray.gui.replyfield import ReplyField
from wabot_tray.gui.rulewording import fault_text
from wabot_tray.system.i18n import t


class PartForm(QWidget):
    """A form with words about what it is for."""

    changed = Signal(object, str)  # the draft, the name of the step

    def __init__(self, heading: str, words: str) -> None:
        super().__init__()
        self._is_showing = False
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(20, 16, 20, 20)
        self.column.setSpacing(10)
        self.problem = label("", role="error")
        self.problem.hide()
        self.column.addWidget(section(heading))
        self.column.addWidget(label(words, role="quiet"))
        self.column.addWidget(self.problem)

    def show_fault(self, fault: BotFileError | None) -> None:
        """Say what is wrong, if something is."""
        self.problem.setText("" if fault is None else fault_text(fault))
        self.problem.setVisible(fault is not None)

    def tell(self, step: str) -> None:
        """Tell of a change of the person's."""
        if not self._is_showing:
            self.changed.emit(self.draft(), step)

    def draft(self) -> FallbackDraft | HoursDraft | GeneralDraft:
        """Return what the form says."""
        raise NotImplementedError


class FallbackForm(PartForm):
    """What is answered where no rule matches."""

    def __init__(self) -> None:
        super().__init__(t("rules.fallback"), t("rules.fallback_words"))
        self._shown = FallbackDraft()
        self.enabled = QCheckBox(t("rules.fallback_on"))
        self.reply = ReplyField(t("rules.reply"))
        self.once = OnceField()
        self.details = QWidget()
        inside = QVBoxLayout(self.details)
        inside.setContentsMargins(0, 0, 0, 0)
        for part in (section(t("rules.reply")), self.reply, section(t("rules.how_often"))):
            inside.addWidget(part)
        inside.addWidget(self.once)
        self.column.addWidget(self.enabled)
        self.column.addWidget(self.details)
        self.column.addStretch(1)
        self.enabled.clicked.connect(lambda: self.tell(""))
        self.reply.changed.connect(lambda: self.tell("reply"))
        self.once.changed.connect(lambda: self.tell("once"))

    def show_part(self, document: RuleDocument) -> None:
        """Show what the document says."""
        usual = made(Template.ANYTHING)
        usual = usual if isinstance(usual, FallbackDraft) else FallbackDraft()
        self._shown = document.fallback or replace(usual, enabled=False)
        self._is_showing = True
        self.enabled.setChecked(self._shown.enabled)
        self.reply.show_value(self._shown.reply)
        self.once.show_value(self._shown.once_per, document.general.once_per)
        self.details.setVisible(self._shown.enabled)
        self._is_showing = False

    def draft(self) -> FallbackDraft:
        """Return what the form says."""
        return FallbackDraft(
            enabled=self.enabled.isChecked(), reply=self.reply.value(), once_per=self.once.value()
        )


class HoursForm(PartForm):
    """When the shop is open, and what is said while it is not."""

    def __init__(self) -> None:
        super().__init__(t("rules.hours"), t("rules.hours_words"))
        self._shown = HoursDraft()
        self.enabled = QCheckBox(t("rules.hours_on"))
        self.days = DaysField()
        self.periods = PeriodsField()
        self.says = QCheckBox(t("rules.closed_on"))
        self.reply = ReplyField(t("rules.closed_reply"))
        self.once = OnceField()
        self.details = QWidget()
        inside = QVBoxLayout(self.details)
        inside.setContentsMargins(0, 0, 0, 0)
        for part in (section(t("rules.open_on")), self.days, self.periods, self.says, self.reply):
            inside.addWidget(part)
        self.often = section(t("rules.how_often"))
        inside.addWidget(self.often)
        inside.addWidget(self.once)
        self.column.addWidget(self.enabled)
        self.column.addWidget(self.details)
        self.column.addStretch(1)
        self.enabled.clicked.connect(lambda: self.tell(""))
        self.says.clicked.connect(self._on_says)
        self.days.changed.connect(lambda: self.tell(""))
        self.periods.changed.connect(lambda: self.tell("periods"))
        self.reply.changed.connect(lambda: self.tell("reply"))
        self.once.changed.connect(lambda: self.tell("once"))

    def show_part(self, document: RuleDocument) -> None:
        """Show what the document says."""
        usual = self._usual()
        self._shown = document.hours or replace(usual, enabled=False)
        self._is_showing = True
        self.enabled.setChecked(self._shown.enabled)
        self.days.show_value(self._shown.days)
        self.periods.show_value(self._shown.periods)
        self.says.setChecked(bool(self._shown.closed) or self.reply.text.hasFocus())
        if self._shown.closed:
            self.reply.show_value(self._shown.closed)
        self.once.show_value(self._shown.once_per, document.general.once_per)
        self._is_showing = False
        self.details.setVisible(self._shown.enabled)
        for part in (self.reply, self.often, self.once):
            part.setVisible(self.says.isChecked())

    def draft(self) -> HoursDraft:
        """Return what the form says."""
        return HoursDraft(
            enabled=self.enabled.isChecked(),
            days=self.days.value(),
            periods=self.periods.value(),
            closed=self.reply.value() if self.says.isChecked() else "",
            once_per=self.once.value(),
        )

    @staticmethod
    def _usual() -> HoursDraft:
        usual = made(Template.AWAY)
        return usual if isinstance(usual, HoursDraft) else HoursDraft()

    def _on_says(self) -> None:
        if self.says.isChecked() and not self.reply.value().strip():
            self._is_showing = True
            self.reply.show_value(self._usual().closed)
            self._is_showing = False
        self.tell("")


class GeneralForm(PartForm):
    """What holds for all rules."""

    def __init__(self) -> None:
        super().__init__(t("rules.general"), t("rules.general_words"))
        self.groups = QCheckBox(t("rules.groups"))
        self.once = OnceField()
        self.column.addWidget(self.groups)
        self.column.addWidget(section(t("rules.how_often_all")))
        self.column.addWidget(label(t("rules.how_often_words"), role="quiet"))
        self.column.addWidget(self.once)
        self.column.addStretch(1)
        self.groups.clicked.connect(lambda: self.tell(""))
        self.once.changed.connect(lambda: self.tell("once"))

    def show_part(self, document: RuleDocument) -> None:
        """Show what the document says."""
        self._is_showing = True
        self.groups.setChecked(document.general.groups)
        self.once.show_value(document.general.once_per)
        self._is_showing = False

    def draft(self) -> GeneralDraft:
        """Return what the form says."""
        return GeneralDraft(groups=self.groups.isChecked(), once_per=self.once.value())
