"""Light and dark: the palette, the style sheet, and following the system between them."""

from typing import Final

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from wabot_tray.gui.colours import DARK, LIGHT, Scheme
from wabot_tray.system.paths import resource

_WISHES: Final = {
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
    "system": Qt.ColorScheme.Unknown,
}

# Sizes in pt follow the person's own font size, so that large print stays large.
_SHEET: Final = """
QWidget#window {{ background: {window}; }}
QLabel[role="title"] {{ font-size: {title}pt; font-weight: 600; }}
QLabel[role="heading"] {{ font-size: {heading}pt; font-weight: 600; }}
QLabel[role="quiet"] {{ color: {quiet}; }}
QLabel[role="error"] {{ color: {danger}; }}
QLabel[role="strong"] {{ font-weight: 600; }}
QLabel[role="code"] {{ border: 2px solid transparent; border-radius: 10px; padding: 4px 10px; }}
QLabel[role="code"]:focus {{ border-color: {accent}; }}
QLabel[role="step"] {{
    background: {raised}; color: {text}; border-radius: 12px; font-weight: 600;
    min-width: 24px; max-width: 24px; min-height: 24px; max-height: 24px;
}}
QFrame[role="card"] {{ background: {card}; border: 1px solid {line}; border-radius: 12px; }}
QFrame[role="account"] {{
    background: {card}; border: 1px solid {line}; border-radius: 12px; padding: 1px;
}}
QFrame[role="account"][current="true"] {{ border: 1px solid {accent}; }}
QFrame[role="account"]:focus {{ border: 2px solid {accent}; padding: 0; }}
QFrame[role="paper"] {{ background: #ffffff; border: 1px solid {line}; border-radius: 14px; }}
QFrame[role="banner"] {{ border: none; border-radius: 10px; }}
QFrame[tone="info"] {{ background: {info_back}; }}
QFrame[tone="good"] {{ background: {good_back}; }}
QFrame[tone="warning"] {{ background: {warning_back}; }}
QFrame[tone="error"] {{ background: {error_back}; }}

QPushButton, QToolButton {{
    background: {card}; color: {text}; border: 1px solid {line}; border-radius: 8px;
    padding: 7px 14px; min-height: 18px;
}}
QPushButton:hover, QToolButton:hover {{ background: {raised}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {line}; }}
QPushButton:focus, QToolButton:focus {{ border: 2px solid {accent}; padding: 6px 13px; }}
QPushButton:disabled, QToolButton:disabled {{ color: {faint}; background: transparent; }}
QPushButton[role="primary"] {{
    background: {accent}; color: {on_accent}; border: 1px solid {accent}; font-weight: 600;
}}
QPushButton[role="primary"]:hover {{ background: {accent_hover}; }}
QPushButton[role="primary"]:focus {{ border: 2px solid {text}; }}
QPushButton[role="primary"]:disabled {{
    background: {raised}; border-color: {line}; color: {faint};
}}
QPushButton[role="danger"] {{ color: {danger}; border-color: {danger}; }}
QPushButton[role="danger"]:hover {{ background: {error_back}; }}
QPushButton[role="segment"] {{ padding: 4px 11px; }}
QPushButton[role="segment"]:checked {{
    background: {selected}; border-color: {accent};
}}
QPushButton[role="segment"]:focus {{ border: 2px solid {accent}; padding: 3px 10px; }}
QPushButton[role="flat"] {{ background: transparent; border-color: transparent; }}
QPushButton[role="flat"]:hover {{ background: {raised}; }}
QPushButton[role="flat"]:focus {{ border: 2px solid {accent}; }}
QToolButton[role="dismiss"] {{
    background: transparent; border: 1px solid transparent; padding: 4px; min-height: 0;
}}
QToolButton[role="dismiss"]:focus {{ border: 1px solid {accent}; }}
QToolButton::menu-indicator {{ image: none; width: 0; }}

QLineEdit, QPlainTextEdit {{
    background: {card}; border: 1px solid {line}; border-radius: 8px; padding: 8px 10px;
    selection-background-color: {accent}; selection-color: {on_accent};
}}
QLineEdit:focus {{ border: 2px solid {accent}; padding: 7px 9px; }}
QPlainTextEdit:focus {{ border: 2px solid {accent}; }}

QLineEdit QToolButton {{ background: transparent; border: none; padding: 0; min-height: 0; }}

QComboBox, QAbstractSpinBox {{
    background: {card}; color: {text}; border: 1px solid {line}; border-radius: 8px;
    padding: 5px 8px; min-height: 20px;
    selection-background-color: {accent}; selection-color: {on_accent};
}}
QComboBox:hover {{ background: {raised}; }}
QComboBox:focus, QAbstractSpinBox:focus {{ border: 2px solid {accent}; padding: 4px 7px; }}
QComboBox:disabled, QAbstractSpinBox:disabled {{ color: {faint}; background: transparent; }}
QComboBox::drop-down {{ border: none; width: 26px; }}
QComboBox::down-arrow {{ image: url("{arrow_down}"); width: 15px; height: 15px; }}
QComboBox QAbstractItemView {{
    background: {card}; color: {text}; border: 1px solid {line}; outline: 0;
    selection-background-color: {selected}; selection-color: {text};
}}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{
    subcontrol-origin: border; width: 24px; border: none; background: transparent;
}}
QAbstractSpinBox::up-button {{ subcontrol-position: top right; }}
QAbstractSpinBox::down-button {{ subcontrol-position: bottom right; }}
QAbstractSpinBox::up-arrow {{ image: url("{arrow_up}"); width: 13px; height: 13px; }}
QAbstractSpinBox::down-arrow {{ image: url("{arrow_down}"); width: 13px; height: 13px; }}
QCheckBox, QRadioButton {{ spacing: 8px; min-height: 28px; }}
QCheckBox::indicator, QRadioButton::indicator, QListWidget#parts::indicator {{
    width: 15px; height: 15px; border: 1px solid {quiet}; background: {card};
}}
QCheckBox::indicator, QListWidget#parts::indicator {{ border-radius: 4px; }}
QRadioButton::indicator {{ border-radius: 8px; }}
QCheckBox::indicator:checked, QListWidget#parts::indicator:checked {{
    background: {accent}; border-color: {accent}; image: url("{tick}");
}}
QRadioButton::indicator:checked {{
    border-color: {accent};
    background: qradialgradient(cx: 0.5, cy: 0.5, radius: 0.5, fx: 0.5, fy: 0.5,
        stop: 0 {accent}, stop: 0.55 {accent}, stop: 0.65 {card}, stop: 1 {card});
}}
QCheckBox::indicator:focus, QRadioButton::indicator:focus {{
    border: 2px solid {text}; width: 13px; height: 13px;
}}
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled {{ border-color: {line}; }}
QListWidget#groups {{ background: transparent; border: none; outline: 0; }}
QListWidget#groups::item {{
    padding: 9px 14px; border: 2px solid transparent; border-radius: 8px; color: {text};
}}
QListWidget#groups::item:hover {{ background: {raised}; }}
QListWidget#groups::item:selected {{ background: {selected}; color: {text}; }}
QListWidget#groups::item:focus {{ border: 2px solid {accent}; }}
QListWidget#parts {{
    background: {card}; border: 1px solid {line}; border-radius: 8px; padding: 4px; outline: 0;
}}
QListWidget#parts:focus {{ border: 1px solid {accent}; }}
QListWidget#parts::item {{ padding: 6px 4px; border-radius: 6px; color: {text}; }}
QListWidget#parts::item:selected {{ background: {selected}; color: {text}; }}
QWidget#page {{ background: transparent; }}
QFrame[role="bubble"] {{ background: {good_back}; border: none; border-radius: 10px; }}
QListWidget#rules {{
    background: {card}; border: 1px solid {line}; border-radius: 12px; outline: 0; padding: 4px;
}}
QListWidget#rules:focus {{ border: 1px solid {accent}; }}
QScrollArea#bare, QScrollArea#bare > QWidget, QScrollArea#bare > QWidget > QWidget {{
    background: transparent;
}}
QSplitter::handle {{ background: transparent; width: 10px; height: 10px; }}
QFrame[role="line"] {{ background: {line}; border: none; }}

QTableView {{
    background: {card}; border: 1px solid {line}; border-radius: 12px; outline: 0;
    selection-background-color: {selected}; selection-color: {text};
}}
QTableView:focus {{ border: 1px solid {accent}; }}
QTableView::item {{ padding: 6px 12px; border: none; border-bottom: 1px solid {raised}; }}
QTableView::item:selected {{ background: {selected}; color: {text}; }}
QTableView#log {{ border-radius: 8px; }}
QTableView#log::item {{ padding: 2px 8px; border: none; }}
QSplitter::handle {{ background: transparent; }}
QAbstractScrollArea::corner {{ background: transparent; }}
QHeaderView {{ background: transparent; border: none; }}
QHeaderView::section {{
    background: transparent; color: {quiet}; border: none; border-bottom: 1px solid {line};
    padding: 10px 12px; font-weight: 600;
}}
QTableCornerButton::section {{ background: transparent; border: none; }}

QProgressBar {{ background: {raised}; border: none; border-radius: 3px; max-height: 6px; }}
QProgressBar::chunk {{ background: {accent}; border-radius: 3px; }}

QMenu {{ background: {card}; border: 1px solid {line}; padding: 6px; }}
QMenu::item {{ padding: 7px 28px 7px 10px; border-radius: 6px; color: {text}; }}
QMenu::item:selected {{ background: {selected}; }}
QMenu::item:disabled {{ color: {faint}; background: transparent; }}
QMenu::separator {{ height: 1px; background: {line}; margin: 6px 8px; }}
QMenu::icon {{ padding-left: 10px; }}
QMenu::indicator {{ width: 16px; height: 16px; padding-left: 8px; }}
QMenu::right-arrow {{ width: 12px; height: 12px; margin-right: 8px; }}
QToolTip {{ background: {raised}; color: {text}; border: 1px solid {line}; padding: 6px; }}

/* Qt's own balloon beside an XEmbed tray is light yellow in every theme. */
QBalloonTip QLabel {{ color: #16202a; }}
QBalloonTip QPushButton {{
    background: transparent; border: none; padding: 0; min-height: 0;
}}

QScrollBar:vertical {{ background: transparent; width: 12px; margin: 2px; }}
QScrollBar:horizontal {{ background: transparent; height: 12px; margin: 2px; }}
QScrollBar::handle {{ background: {line}; border-radius: 4px; min-height: 28px; min-width: 28px; }}
QScrollBar::handle:hover {{ background: {faint}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
"""


class Theme(QObject):
    """Dresses the whole program, and again when the system turns dark or light.

    Args:
        choice: "system", "light" or "dark" (core.settings).
    """

    changed = Signal()

    def __init__(self, app: QApplication, choice: str, parent: QObject | None = None) -> None:
        super().__init__(parent or app)
        self._app = app
        self._choice = choice
        self._points = app.font().pointSizeF()
        app.setStyle("Fusion")
        self.choose(choice)
        app.styleHints().colorSchemeChanged.connect(self._on_system_changed)

    @property
    def choice(self) -> str:
        """What was chosen: "system", "light" or "dark"."""
        return self._choice

    @property
    def is_dark(self) -> bool:
        """Whether the dark colours are in use."""
        if self._choice == "system":
            return self._app.styleHints().colorScheme() is Qt.ColorScheme.Dark
        return self._choice == "dark"

    @property
    def scheme(self) -> Scheme:
        """The colours in use."""
        return DARK if self.is_dark else LIGHT

    def choose(self, choice: str) -> None:
        """Dress everything in `choice` from now on."""
        self._choice = choice
        self._app.styleHints().setColorScheme(_WISHES[choice])  # title bars and native dialogs
        self._dress()

    def _dress(self) -> None:
        self._app.setPalette(palette(self.scheme))
        self._app.setStyleSheet(style_sheet(self.scheme, self._points))
        self.changed.emit()

    def _on_system_changed(self) -> None:
        if self._choice == "system":
            self._dress()


def scheme_in_use() -> Scheme:
    """Return the colours the program is dressed in, for what paints by itself."""
    ground = QApplication.palette().color(QPalette.ColorRole.Window)
    return DARK if ground == QColor(DARK.window) else LIGHT


def palette(scheme: Scheme) -> QPalette:
    """Return the palette that paints what the style sheet does not reach."""
    made = QPalette()
    role = QPalette.ColorRole
    for where, colour in {
        role.Window: scheme.window,
        role.WindowText: scheme.text,
        role.Base: scheme.card,
        role.AlternateBase: scheme.raised,
        role.Text: scheme.text,
        role.Button: scheme.raised,
        role.ButtonText: scheme.text,
        role.BrightText: scheme.danger,
        role.PlaceholderText: scheme.quiet,
        role.Highlight: scheme.accent,
        role.HighlightedText: scheme.on_accent,
        role.Accent: scheme.accent,
        role.Link: scheme.accent,
        role.ToolTipBase: scheme.raised,
        role.ToolTipText: scheme.text,
        role.Mid: scheme.line,
    }.items():
        made.setColor(where, QColor(colour))
    for where in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, where, QColor(_faint(scheme)))
    return made


def style_sheet(scheme: Scheme, points: float) -> str:
    """Return the style sheet for text of `points` pt."""
    values = {name: getattr(scheme, name) for name in Scheme.__dataclass_fields__}
    ground = "on-dark" if scheme is DARK else "on-light"
    drawn = {
        name: resource("icons", f"{name.replace('_', '-')}-{ground}.svg").as_posix()
        for name in ("tick", "arrow_up", "arrow_down")
    }
    return _SHEET.format(
        **values,
        **drawn,
        faint=_faint(scheme),
        title=round(points * 1.7, 1),
        heading=round(points * 1.2, 1),
    )


def _faint(scheme: Scheme) -> str:
    """The colour of what cannot be used now: half way from the quiet text to the ground."""
    quiet, ground = QColor(scheme.quiet), QColor(scheme.card)
    mixed = [(a + b) // 2 for a, b in zip(_rgb(quiet), _rgb(ground), strict=True)]
    return QColor(*mixed).name()


def _rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()
