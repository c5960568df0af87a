"""The icons: exact colours, shapes that differ without them, edges that show on any panel."""

from itertools import combinations

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon, QImage, QPainter, qGray

from wabot_tray.core.states import SessionState
from wabot_tray.gui import colours
from wabot_tray.gui.icons import SIZES, app_icon, empty_icon, state_icon, warning_icon

LIGHT_PANEL, DARK_PANEL = "#f3f3f3", "#202020"


def image(icon: QIcon, side: int) -> QImage:
    return icon.pixmap(QSize(side, side)).toImage()


def luminance(colour: str) -> float:
    made = QColor(colour)
    parts = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
        for c in (made.redF(), made.greenF(), made.blueF())
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("side", [16, 22, 32, 44, 64])
def test_connected_icon_is_uniform_green_in_its_middle(side: int) -> None:
    picture = image(state_icon(SessionState.CONNECTED), side)
    assert picture.width() == side
    middle = range(side // 3, 2 * side // 3)
    found = {picture.pixelColor(x, y).name() for x in middle for y in middle}
    assert found == {colours.GREEN}


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("side", [16, 22, 32])
def test_every_icon_has_enough_of_its_own_colour(state: SessionState, side: int) -> None:
    picture = image(state_icon(state), side)
    wanted = colours.STATE_COLOURS[state]
    found = sum(
        picture.pixelColor(x, y).name() == wanted and picture.pixelColor(x, y).alpha() == 255
        for x in range(side)
        for y in range(side)
    )
    assert found >= side * side * 0.1


@pytest.mark.parametrize("side", [16, 22, 32])
def test_shapes_differ_without_colour(side: int) -> None:
    def grey(state: SessionState) -> list[int]:
        """The picture as a person without colours sees it: body, mark, ground."""
        picture = image(state_icon(state), side)
        body = colours.STATE_COLOURS[state]
        return [
            0
            if picture.pixelColor(x, y).alpha() < 128
            else (1 if picture.pixelColor(x, y).name() == body else 2)
            for y in range(side)
            for x in range(side)
        ]

    for one, other in combinations(SessionState, 2):
        differing = sum(a != b for a, b in zip(grey(one), grey(other), strict=True))
        assert differing >= side * side * 0.05, (one, other)


@pytest.mark.parametrize("panel", [LIGHT_PANEL, DARK_PANEL], ids=["light", "dark"])
@pytest.mark.parametrize("side", [16, 22, 32])
def test_all_icons_differ_in_grey_on_both_panels(side: int, panel: str) -> None:
    """As a panel shows them to somebody who sees no colours: brightness alone, pixel by pixel."""
    icons = {str(state): state_icon(state) for state in SessionState} | {"none": empty_icon()}
    pictures = {name: grey_on(icon, side, panel) for name, icon in icons.items()}
    for one, other in combinations(pictures, 2):
        pairs = zip(pictures[one], pictures[other], strict=True)
        clearly = sum(abs(a - b) >= 40 for a, b in pairs)
        assert clearly >= side * side * 0.06, (one, other, clearly)


def grey_on(icon: QIcon, side: int, panel: str) -> list[int]:
    ground = QImage(side, side, QImage.Format.Format_RGB32)
    ground.fill(QColor(panel))
    painter = QPainter(ground)
    painter.drawImage(0, 0, image(icon, side))
    painter.end()
    return [qGray(ground.pixel(x, y)) for y in range(side) for x in range(side)]


@pytest.mark.parametrize("panel", [LIGHT_PANEL, DARK_PANEL], ids=["light", "dark"])
def test_app_icon_shows_on_both_panels_and_has_two_eyes_at_16_px(panel: str) -> None:
    picture = image(app_icon(), 16)
    assert contrast(picture.pixelColor(1, 8).name(), panel) >= 3  # its ground
    grey = [qGray(picture.pixel(x, 8)) for x in range(16)]
    dark = [x for x in range(3, 13) if grey[x] < 110]
    assert {5, 6} <= set(dark)
    assert {9, 10} <= set(dark)
    assert not {7, 8} & set(dark)


@pytest.mark.parametrize("colour", sorted(set(colours.STATE_COLOURS.values())))
def test_body_shows_on_dark_panels_and_outline_on_light_ones(colour: str) -> None:
    assert contrast(colour, DARK_PANEL) >= 3
    assert contrast(colours.OUTLINES[colour], LIGHT_PANEL) >= 3


def test_icons_have_a_picture_for_every_size() -> None:
    for icon in (*map(state_icon, SessionState), empty_icon(), warning_icon()):
        assert {size.width() for size in icon.availableSizes()} == set(SIZES)


def test_chosen_row_keeps_the_colour() -> None:
    picture = state_icon(SessionState.CONNECTED).pixmap(QSize(22, 22), QIcon.Mode.Selected)
    assert picture.toImage().pixelColor(11, 11).name() == colours.GREEN


def test_app_icon_is_drawn_from_its_file() -> None:
    picture = image(app_icon(), 64)
    assert picture.pixelColor(32, 12).alpha() == 255
    assert picture.pixelColor(0, 0).alpha() == 0
