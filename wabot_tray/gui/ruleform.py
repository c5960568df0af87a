"""The form of one rule: when it speaks, what it says, how often, where."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from wabot_tray.bot.matching import Find
from wabot_tray.bot.rule_document import RuleDocument
from wabot_tray.bot.rulebook import When
from wabot_tray.bot.ruledraft import RuleDraft, clean
from wabot_tray.core.errors import BotFileError
from wabot_tray.gui.formparts import (
    AccountsField,
    DaysField,
    OnceField,
    PeriodsField,
    narrow,
    section,
)
from wabot_tray.gui.parts import label
from wabot_tray.gui.replyfield import ReplyField, TextField
from wabot_tray.gui.rulewording import fault_text
from wabot_tray.system.i18n import t

PATTERN: Final = "pattern"
_FINDS: Final = {
    Find.ANY: "rules.find_any",
    Find.ALL: "rules.find_all",
    Find.EXACT: "rules.find_exact",
    Find.EVERY: "rules.find_every",
    PATTERN: "rules.find_pattern",
}
_HINTS: Final = {
    Find.ANY: "rules.hint_any",
    Find.ALL: "rules.hint_all",
    Find.EXACT: "rules.hint_exact",
    Find.EVERY: "rules.hint_every",
    PATTERN: "rules.hint_pattern",
}
_WHENS: Final = {
    When.OPEN: "rules.when_open",
    When.CLOSED: "rules.when_closed",
    When.ALWAYS: "rules.when_always",
}
_WORDS: Final = re.compile(r"[,\n]")
_NAME_LENGTH: Final = 60


class RuleForm(QWidget):
    """Shows one rule and tells of every change."""

    changed = Signal(object, str)  # the RuleDraft, the name of the step

    def __init__(self) -> None:
        super().__init__()
        self._shown = RuleDraft()
        self._document: RuleDocument | None = None
        self._by_lines = False
        self._is_showing = False
        self.name = QLineEdit()
        self.name.setMaxLength(_NAME_LENGTH)
        self.name.setAccessibleName(t("rules.name"))
        self.name.setPlaceholderText(t("rules.name_example"))
        self.enabled = QCheckBox(t("rules.enabled"))
        self.how = narrow(QComboBox())
        self.how.setAccessibleName(t("rules.find"))
        for find, key in _FINDS.items():
            self.how.addItem(t(key), find)
        self.words = TextField(t("rules.words"), 2)
        self.pattern = QLineEdit()
        self.pattern.setAccessibleName(t("rules.pattern"))
        self.hint = label("", role="quiet")
        self.whole_words = QCheckBox(t("rules.whole_words"))
        self.whole_words.setToolTip(t("rules.whole_words_hint"))
        self.whole_words.setAccessibleDescription(t("rules.whole_words_hint"))
        self.accents = QCheckBox(t("rules.accents"))
        self.reply = ReplyField(t("rules.reply"))
        self.once = OnceField()
        self.hours = narrow(QComboBox())
        self.hours.setAccessibleName(t("rules.when"))
        self.own_times = QCheckBox(t("rules.own_times"))
        self.days = DaysField()
        self.periods = PeriodsField()
        self.accounts = AccountsField()
        self.problem = label("", role="error")
        self._headings: dict[str, QLabel] = {}
        self._build()
        self._listen()

    def show_rule(
        self,
        draft: RuleDraft,
        document: RuleDocument,
        accounts: Sequence[tuple[str, str]],
        fault: BotFileError | None,
    ) -> None:
        """Show a rule; what is being typed stays as it is.

        Args:
            draft: The rule.
            document: The rules it stands among.
            accounts: Ids and names of the accounts there are.
            fault: What is wrong with it, if something is.
        """
        self._shown, self._is_showing = draft, True
        try:
            if clean(self.name.text()).strip() != draft.name:
                self.name.setText(draft.name)
            self.enabled.setChecked(draft.enabled)
            self.how.setCurrentIndex(self.how.findData(_find(draft)))
            self._show_words(draft.words)
            if draft.pattern is not None and self.pattern.text() != draft.pattern:
                self.pattern.setText(draft.pattern)
            self.whole_words.setChecked(draft.whole_words)
            self.accents.setChecked(draft.accents)
            self.reply.show_value(draft.reply)
            self.once.show_value(draft.once_per, document.general.once_per)
            self._document = document
            self._show_hours(draft)
            has_times = draft.days is not None or bool(draft.periods)
            self.own_times.setChecked(has_times)
            self.days.show_value(draft.days)
            self.periods.show_value(draft.periods)
            self.accounts.show_value(draft.accounts, accounts)
            is_asked = len(accounts) > 1 or draft.accounts is not None
            self._headings["accounts"].setVisible(is_asked)
            self.accounts.setVisible(is_asked)
        finally:
            self._is_showing = False
        self._follow()
        self.show_fault(fault)

    def show_fault(self, fault: BotFileError | None) -> None:
        """Say what is wrong with the rule, if something is."""
        self.problem.setText("" if fault is None else fault_text(fault))
        self.problem.setVisible(fault is not None)

    def draft(self) -> RuleDraft:
        """Return the rule as the form has it."""
        find = self.how.currentData()
        has_times = self.own_times.isChecked()
        pattern = clean(self.pattern.text()) if find == PATTERN else None
        return replace(
            self._shown,
            name=clean(self.name.text()).strip(),
            enabled=self.enabled.isChecked(),
            find=Find.ANY if find == PATTERN else Find(find),
            words=() if find == PATTERN else self._typed_words(),
            pattern=pattern,
            whole_words=self.whole_words.isChecked(),
            accents=self.accents.isChecked(),
            reply=self.reply.value(),
            once_per=self.once.value(),
            hours=self.hours.currentData(),
            days=self.days.value() if has_times else None,
            periods=self.periods.value() if has_times else (),
            accounts=self.accounts.value(),
        )

    # --- inside ----------------------------------------------------------------------------------

    def _show_words(self, words: tuple[str, ...]) -> None:
        if self._typed_words() == words:
            return  # the comma just typed stays
        self._by_lines = any(_WORDS.search(word) for word in words)
        self.words.show_value(("\n" if self._by_lines else ", ").join(words))

    def _typed_words(self) -> tuple[str, ...]:
        text = self.words.value()
        if self._by_lines and "\n".join(self._shown.words) == text:
            return self._shown.words
        parts = text.split("\n") if self._by_lines else _WORDS.split(text)
        return tuple(word for part in parts if (word := part.strip()))

    def _show_hours(self, draft: RuleDraft) -> None:
        hours = None if self._document is None else self._document.hours
        has_hours = hours is not None and hours.enabled
        self.hours.clear()
        usual = "rules.when_usual" if has_hours else "rules.when_no_hours"
        has_times = draft.days is not None or bool(draft.periods)
        self.hours.addItem(t("rules.when_always") if has_times else t(usual), None)
        for when, key in _WHENS.items():
            if has_hours or draft.hours is when:
                self.hours.addItem(t(key), when)
        self.hours.setCurrentIndex(max(self.hours.findData(draft.hours), 0))
        if draft.hours is None:
            self.hours.setCurrentIndex(0)

    def _follow(self) -> None:
        find = self.how.currentData()
        self.hint.setText(t(_HINTS[find]))
        self.words.setVisible(find not in {PATTERN, Find.EVERY})
        self.pattern.setVisible(find == PATTERN)
        for box in (self.whole_words, self.accents):
            box.setVisible(find not in {PATTERN, Find.EVERY})
        self.whole_words.setEnabled(find != Find.EXACT)
        for part in (self.days, self.periods):
            part.setVisible(self.own_times.isChecked())

    def _on_changed(self, step: str) -> None:
        if self._is_showing:
            return
        self._follow()
        self.changed.emit(self.draft(), step)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 20)
        column.setSpacing(10)
        named = QHBoxLayout()
        named.setSpacing(10)
        named.addWidget(_named(t("rules.name"), self.name))
        named.addWidget(self.name, 1)
        column.addWidget(self.problem)
        column.addLayout(named)
        column.addWidget(self.enabled)
        parts: tuple[tuple[str, str, tuple[QWidget, ...]], ...] = (
            (
                "find",
                t("rules.find"),
                (self.how, self.words, self.pattern, self.hint, self.whole_words, self.accents),
            ),
            ("reply", t("rules.reply"), (self.reply,)),
            ("once", t("rules.how_often"), (self.once,)),
            ("when", t("rules.when"), (self.hours, self.own_times, self.days, self.periods)),
            ("accounts", t("rules.accounts"), (self.accounts,)),
        )
        for name, words, widgets in parts:
            self._headings[name] = section(words)
            column.addWidget(self._headings[name])
            for widget in widgets:
                column.addWidget(widget)
        column.addStretch(1)

    def _listen(self) -> None:
        def telling(step: str) -> object:
            return lambda *_: self._on_changed(step)

        for step, signal in (
            ("name", self.name.textEdited),
            ("", self.enabled.clicked),
            ("", self.how.activated),
            ("words", self.words.textChanged),
            ("pattern", self.pattern.textEdited),
            ("", self.whole_words.clicked),
            ("", self.accents.clicked),
            ("reply", self.reply.changed),
            ("once", self.once.changed),
            ("", self.hours.activated),
            ("", self.days.changed),
            ("periods", self.periods.changed),
            ("", self.accounts.changed),
        ):
            signal.connect(telling(step))
        self.own_times.clicked.connect(self._on_own_times)

    def _on_own_times(self) -> None:
        if self.own_times.isChecked() and not self.periods.value():
            self._is_showing = True
            self.periods.show_value((("09:00", "18:00"),))
            self._is_showing = False
        self._show_hours(self.draft())
        self._on_changed("")


def _find(draft: RuleDraft) -> Find | str:
    return PATTERN if draft.pattern is not None else draft.find


def _named(words: str, field: QWidget) -> QLabel:
    made = label(words, wrap=False)
    made.setBuddy(field)
    return made
