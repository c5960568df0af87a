"""How much is told and when nothing is, set as a person sets it."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from tests.gui.fake_program import FakeProgram
from tests.gui.test_settings import (
    LEFT,
    K,
    Runner,
    control,
    login,
    opened,
    pick,
    press,
    program,
    windows,
    write,
)
from tests.waiting import until
from wabot_tray.gui.settingalerts import Hours
from wabot_tray.gui.settingswindow import SettingsWindow
from wabot_tray.gui.windows import Windows
from wabot_tray.system.i18n import set_language, t

__all__ = ["login", "program", "windows"]  # fixtures


async def opened_at_alerts(windows: Windows) -> SettingsWindow:
    window = await opened(windows)
    titles = [page.title for page in window.pages]
    window.show_page(titles.index(t("settings.alerts")))
    return window


def test_only_what_needs_me_is_chosen(windows: Windows, program: FakeProgram, run: Runner) -> None:
    async def live() -> None:
        window = await opened_at_alerts(windows)
        await pick(control(window, "notifications"), "Only what needs me")
        await until(lambda: program.settings.notifications == "important")

    run(live())


def test_quiet_hours_are_switched_on_typed_and_switched_off(
    windows: Windows, program: FakeProgram, run: Runner
) -> None:
    async def live() -> None:
        window = await opened_at_alerts(windows)
        hours = control(window, "quiet_hours")
        assert isinstance(hours, Hours)
        assert not hours.begin.isEnabled()
        QTest.mouseClick(hours.switch, LEFT, pos=QPoint(8, hours.switch.height() // 2))
        await until(lambda: program.settings.quiet_hours == "22:00-07:00")
        hours.end.setFocus(Qt.FocusReason.TabFocusReason)
        hours.end.setSelectedSection(hours.end.Section.HourSection)
        write("09")
        press(K.Key_Return)
        await until(lambda: program.settings.quiet_hours == "22:00-09:00")
        hours.switch.setFocus()
        press(K.Key_Space)
        await until(lambda: program.settings.quiet_hours == "")
        assert hours.end.time().hour() == 9  # still to be seen

    run(live())


def test_hours_that_begin_when_they_end_are_refused_in_words(
    windows: Windows, program: FakeProgram, run: Runner
) -> None:
    async def live() -> None:
        set_language("es")  # where the day has 24 hours
        window = await opened_at_alerts(windows)
        hours = control(window, "quiet_hours")
        QTest.mouseClick(hours.switch, LEFT, pos=QPoint(8, hours.switch.height() // 2))
        await until(lambda: program.settings.quiet_hours)
        hours.end.setFocus(Qt.FocusReason.TabFocusReason)
        hours.end.setSelectedSection(hours.end.Section.HourSection)
        write("22")
        press(K.Key_Return)
        row = window.page.row("quiet_hours")
        await until(lambda: row.problem.text() == t("error.settings_hours"))
        assert program.settings.quiet_hours == "22:00-07:00"

    run(live())


@pytest.mark.parametrize("name", ["notifications", "quiet_hours"])
def test_defaults_of_the_page_are_the_settings_own(
    windows: Windows, program: FakeProgram, run: Runner, name: str
) -> None:
    async def live() -> None:
        window = await opened_at_alerts(windows)
        assert name in window.page.names
        window.editor.set(notifications="off", quiet_hours="20:00-06:00")
        await until(lambda: program.settings.notifications == "off")
        QTest.mouseClick(window.defaults, LEFT)
        await until(lambda: (program.settings.notifications, program.settings.quiet_hours)
                    == ("all", ""))  # fmt: skip

    run(live())
