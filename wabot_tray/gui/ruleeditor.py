"""The page where rules are edited: the list, the form of what is chosen, and the "try it" box."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar, cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from wabot_tray.bot.rule_document import Kind, RuleDocument
from wabot_tray.bot.rule_editing import Editing
from wabot_tray.bot.ruledraft import RuleDraft, clean
from wabot_tray.bot.templates import Template, made, place_for, with_template
from wabot_tray.core.clock import Clock
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.partforms import FallbackForm, GeneralForm, HoursForm, PartForm
from wabot_tray.gui.parts import button, card, label
from wabot_tray.gui.ruleform import RuleForm
from wabot_tray.gui.rulelist import Row, RuleList
from wabot_tray.gui.rulewording import fault_text, summary, title
from wabot_tray.gui.scroll import ScrollPage
from wabot_tray.gui.taborder import order_tabs
from wabot_tray.gui.trybox import TryBox
from wabot_tray.system.i18n import t

_PARTS: Final = (Kind.FALLBACK, Kind.HOURS, Kind.HEAD)
_STARTS: Final = {
    Template.GREETING: "rules.start_greeting",
    Template.PRICES: "rules.start_prices",
    Template.OPENING: "rules.start_opening",
    Template.THANKS: "rules.start_thanks",
    Template.AWAY: "rules.start_away",
    Template.ANYTHING: "rules.start_anything",
}
_NARROW: Final = 130  # letters; below, the "try it" box goes under the form
_LIST: Final = 42  # letters the list is wide at first
Accounts = Sequence[tuple[str, str]]
Form = TypeVar("Form", bound=PartForm)


class RuleEditor(QWidget):
    """Shows one `Editing` and changes it.

    Args:
        parent: What it is part of from the beginning: later, the theme dresses it twice.
        jobs: Runs what takes a while.
        clock: Injected time.
        accounts: Gives the ids and names of the accounts.
    """

    edited = Signal()
    deleted = Signal(str)  # a rule's title

    def __init__(
        self, parent: QWidget, jobs: Jobs, clock: Clock, accounts: Callable[[], Accounts]
    ) -> None:
        super().__init__(parent)
        self._accounts = accounts
        self.editing = Editing(RuleDocument(()))
        self.list = RuleList(t("rules.list"), t("rules.list_words"))
        self.form = RuleForm()
        self._part_forms: dict[Kind, PartForm] = {}  # made when they are first shown
        self.try_box = TryBox(jobs, clock, self._source, self._titles)
        self._build()
        self._listen()

    @property
    def fallback(self) -> FallbackForm:
        """The form of what is answered where no rule matches."""
        return self._made_form(Kind.FALLBACK, FallbackForm)

    @property
    def hours(self) -> HoursForm:
        """The form of the opening hours."""
        return self._made_form(Kind.HOURS, HoursForm)

    @property
    def general(self) -> GeneralForm:
        """The form of what holds for all rules."""
        return self._made_form(Kind.HEAD, GeneralForm)

    def load(self, editing: Editing, chosen: int | str = 0) -> None:
        """Show this one from now on."""
        self.editing = editing
        self.refresh(chosen)

    def refresh(self, chosen: int | str | None = None) -> None:
        """Show everything anew, and choose a row."""
        wanted = self.list.key if chosen is None else chosen
        rules = self.editing.document.rules
        if isinstance(wanted, int):
            wanted = min(wanted, len(rules) - 1) if rules else Kind.FALLBACK.value
        self.list.show_rows(self._rows(), wanted)
        self.try_box.show_accounts(self._accounts())
        self._show_chosen()
        self.try_box.refresh()

    def first_fault(self) -> int | str | None:
        """Return the row of the first fault; None without one."""
        for number, fault in enumerate(self.editing.faults()):
            if fault is not None:
                return number
        for kind in _PARTS:
            if self.editing.fault_of_part(kind) is not None:
                return kind.value
        return None

    def undo(self) -> None:
        """Take the last step back."""
        if self.editing.undo():
            self._after_step()

    def redo(self) -> None:
        """Take it again."""
        if self.editing.redo():
            self._after_step()

    def add_blank(self) -> None:
        """Add an empty rule before the chosen one and put the cursor where its words go."""
        key = self.list.key
        place = key if isinstance(key, int) else len(self.editing.document.rules)
        self._change(self.editing.document.with_new(place, RuleDraft()), place)
        self.form.words.setFocus()

    def add_template(self, template: Template) -> None:
        """Add a rule to start from, or switch on what the template is for."""
        document = self.editing.document
        draft = made(template)
        if not isinstance(draft, RuleDraft):
            kind = Kind.HOURS if template is Template.AWAY else Kind.FALLBACK
            part = document.hours if kind is Kind.HOURS else document.fallback
            changed = (
                with_template(document, template)
                if part is None
                else document.with_part(replace(part, enabled=True))
            )
            self._change(changed, kind.value)
            return
        place = place_for(document, template)
        self._change(document.with_new(place, self._unique(draft)), place)

    def duplicate(self) -> None:
        """Add a copy below the chosen rule."""
        if isinstance(key := self.list.key, int):
            document = self.editing.document
            rule = document.rules[key]
            copy = self._unique(replace(rule, name=title(rule)))
            self._change(document.with_new(key + 1, copy), key + 1)

    def delete(self) -> None:
        """Take the chosen rule away; it can be undone."""
        if isinstance(key := self.list.key, int):
            name = title(self.editing.document.rules[key])
            self._change(self.editing.document.without(key), key)
            self.deleted.emit(name)

    # --- inside ----------------------------------------------------------------------------------

    def _unique(self, draft: RuleDraft) -> RuleDraft:
        names = {rule.title for rule in self.editing.document.rules}
        name, number = draft.name, 2
        while name in names:
            name = f"{draft.name} {number}"
            number += 1
        return replace(draft, name=clean(name))

    def _change(self, document: RuleDocument, chosen: int | str, step: str = "") -> None:
        self.editing.change(document, step)
        self.refresh(chosen)
        self.edited.emit()

    def _after_step(self) -> None:
        self.refresh()
        self.edited.emit()

    def _source(self) -> str:
        return self.editing.document.text

    def _titles(self) -> list[str]:
        return [title(rule) for rule in self.editing.document.rules]

    def _rows(self) -> list[Row]:
        faults = self.editing.faults()
        document = self.editing.document
        rows = [
            Row(n, title(r), summary(r), r.enabled, "" if f is None else fault_text(f))
            for n, (r, f) in enumerate(zip(document.rules, faults, strict=True))
        ]
        return rows + [self._part_row(kind) for kind in _PARTS]

    def _part_row(self, kind: Kind) -> Row:
        document = self.editing.document
        fault = self.editing.fault_of_part(kind)
        said = "" if fault is None else fault_text(fault)
        if kind is Kind.HEAD:
            words = t("rules.groups_on" if document.general.groups else "rules.groups_off")
            return Row(kind.value, t("rules.general"), words, None, said)
        part = document.fallback if kind is Kind.FALLBACK else document.hours
        is_on = part is not None and part.enabled
        if kind is Kind.FALLBACK:
            reply = document.fallback.reply if document.fallback is not None and is_on else ""
            words = " ".join(reply.split()) or t("rules.fallback_off")
            return Row(kind.value, t("rules.fallback"), words, is_on, said)
        words = t("rules.hours_short_on" if is_on else "rules.hours_short_off")
        return Row(kind.value, t("rules.hours"), words, is_on, said)

    def _show_chosen(self) -> None:
        key, document = self.list.key, self.editing.document
        is_rule = isinstance(key, int)
        for part in (self.copy, self.gone):
            part.setEnabled(is_rule)
        self.up.setEnabled(isinstance(key, int) and key > 0)
        self.down.setEnabled(isinstance(key, int) and key < len(document.rules) - 1)
        if isinstance(key, int):
            fault = self.editing.faults()[key]
            self.form.show_rule(document.rules[key], document, self._accounts(), fault)
            self._show_form(self.form)
        elif key is not None:
            form = self._part_form(Kind(key))
            form.show_part(document)
            form.show_fault(self.editing.fault_of_part(Kind(key)))
            self._show_form(form)

    def _show_form(self, shown: QWidget) -> None:
        for form in (self.form, *self._part_forms.values()):
            form.setVisible(form is shown)

    def _made_form(self, kind: Kind, make: Callable[[], Form]) -> Form:
        form = cast("Form | None", self._part_forms.get(kind))  # there is one type for each kind
        if form is None:
            form = self._part_forms[kind] = make()
            form.hide()
            self._forms.addWidget(form)
            form.changed.connect(partial(self._on_part, kind))
            order_tabs(order_tabs(self.gone, self.form), form)  # in the place of the rule's
        return form

    def _part_form(self, kind: Kind) -> FallbackForm | HoursForm | GeneralForm:
        match kind:
            case Kind.FALLBACK:
                return self.fallback
            case Kind.HOURS:
                return self.hours
            case _:
                return self.general

    def _on_chosen(self, _key: object) -> None:
        self.editing.end_step()
        self._show_chosen()
        self._scroll.verticalScrollBar().setValue(0)

    def _on_rule(self, draft: RuleDraft, step: str) -> None:
        if not isinstance(key := self.list.key, int):
            return
        name = f"{key}:{step}" if step else ""
        self.editing.change(self.editing.document.with_rule(key, draft), name)
        self.form.show_fault(self.editing.faults()[key])
        self.list.update_rows(self._rows())
        self.try_box.refresh()
        self.edited.emit()

    def _on_part(self, kind: Kind, draft: object, step: str) -> None:
        name = f"{kind}:{step}" if step else ""
        self.editing.change(self.editing.document.with_part(draft), name)  # type: ignore[arg-type]
        form = self._part_form(kind)
        form.show_part(self.editing.document)
        form.show_fault(self.editing.fault_of_part(kind))
        self.list.update_rows(self._rows())
        self.try_box.refresh()
        self.edited.emit()

    def _on_switched(self, key: int | str, on: bool) -> None:
        document = self.editing.document
        if isinstance(key, int):
            rule = replace(document.rules[key], enabled=on)
            self._change(document.with_rule(key, rule), key)
            return
        template = Template.AWAY if key == Kind.HOURS else Template.ANYTHING
        part = document.hours if key == Kind.HOURS else document.fallback
        if part is not None:
            self._change(document.with_part(replace(part, enabled=on)), key)
        elif on:
            self.add_template(template)

    def _on_moved(self, number: int, to: int) -> None:
        self._change(self.editing.document.moved(number, to), to)
        self.list.setFocus()

    # --- how it is put together ------------------------------------------------------------------

    def _build(self) -> None:
        # From the outside in: what is put into a window is dressed by the theme once for each
        # level that is added around it later.
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        split, left, self.right = QSplitter(), QWidget(), QSplitter()
        row.addWidget(split)
        form_card, try_card, forms = card(), card(), QWidget()
        for one in (split, self.right):
            one.setOrientation(Qt.Orientation.Horizontal)
            one.setChildrenCollapsible(False)
        for outer, inner, share in (
            (split, left, 2),
            (split, self.right, 5),
            (self.right, form_card, 5),
            (self.right, try_card, 3),
        ):
            outer.addWidget(inner)
            outer.setStretchFactor(outer.indexOf(inner), share)
        self._scroll = ScrollPage(forms)
        _fill(form_card, self._scroll)
        _fill(try_card, ScrollPage(self.try_box))
        # One shows at a time; a stack would be as high as the highest.
        self._forms = QVBoxLayout(forms)
        self._forms.setContentsMargins(0, 0, 0, 0)
        self._forms.addWidget(self.form)
        self._build_left(left)
        letter = self.fontMetrics().averageCharWidth()
        split.setSizes([_LIST * letter, 3 * _LIST * letter])

    def _build_left(self, left: QWidget) -> None:
        self.add = button(t("rules.add"), lambda: None, role="primary")
        menu = QMenu(self.add)
        menu.addAction(t("rules.start_blank"), self.add_blank)
        menu.addSeparator()
        for template, key in _STARTS.items():
            menu.addAction(t(key), partial(self.add_template, template))
        self.add.setMenu(menu)
        self.add.setMinimumWidth(self.add.sizeHint().width())
        self.copy = button(t("rules.duplicate"), self.duplicate)
        self.gone = button(t("rules.delete"), self.delete)
        self.up = button("↑", lambda: self.list.move_chosen(-1))
        self.down = button("↓", lambda: self.list.move_chosen(1))
        for made_, words in ((self.up, t("rules.up")), (self.down, t("rules.down"))):
            made_.setAccessibleName(words)
            made_.setToolTip(words)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(label(t("rules.order"), role="quiet"))
        column.addWidget(self.list, 1)
        first, second = QHBoxLayout(), QHBoxLayout()
        first.addWidget(self.add, 1)
        first.addWidget(self.up)
        first.addWidget(self.down)
        second.addWidget(self.copy, 1)
        second.addWidget(self.gone, 1)
        column.addLayout(first)
        column.addLayout(second)

    def _listen(self) -> None:
        self.list.chosen.connect(self._on_chosen)
        self.list.switched.connect(self._on_switched)
        self.list.moved.connect(self._on_moved)
        self.form.changed.connect(self._on_rule)
        QShortcut(QKeySequence(QKeySequence.StandardKey.New), self, self.add_blank)
        delete = QShortcut(QKeySequence.StandardKey.Delete, self.list, self.delete)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the "try it" box under the form where the window is narrow."""
        super().resizeEvent(event)
        is_narrow = self.width() < _NARROW * self.fontMetrics().averageCharWidth()
        wanted = Qt.Orientation.Vertical if is_narrow else Qt.Orientation.Horizontal
        if self.right.orientation() is not wanted:
            self.right.setOrientation(wanted)
            self.right.setSizes([5 * self.width(), 3 * self.width()])


def _fill(outer: QFrame, widget: QWidget) -> None:
    column = QVBoxLayout(outer)
    column.setContentsMargins(2, 2, 2, 2)
    column.addWidget(widget)
