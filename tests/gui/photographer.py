"""Takes the pictures of one language and theme, named in the arguments."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QSettings
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

# isort: split
from qasync import QEventLoop

from tests.desktop import Screen
from tests.gui import scenes
from tests.gui.fake_manager import FakeManager
from tests.gui.fake_program import FakeProgram
from tests.gui.login_item import FakeLoginItem
from tests.gui.pictures_assistant import assistant
from tests.gui.pictures_backup import backups
from wabot_tray.bot.rule_file import keep_good_copy
from wabot_tray.bot.rulebook_file import install_example
from wabot_tray.core.history import Period
from wabot_tray.core.reasons import Reason
from wabot_tray.core.settings import Settings
from wabot_tray.core.snapshot import PairingStage, PairingWay, SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.gui.actions import AccountActions, Tone
from wabot_tray.gui.app import error_box, make_application
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.dashboard import Dashboard
from wabot_tray.gui.dialogs import BackgroundDialog, ReplaceDialog
from wabot_tray.gui.historywindow import HistoryWindow
from wabot_tray.gui.icons import empty_icon, state_icon
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.logwindow import LogWindow
from wabot_tray.gui.openings import OPENINGS
from wabot_tray.gui.pairing import PairingWindow
from wabot_tray.gui.ruleswindow import RulesWindow
from wabot_tray.gui.settingpages import ConnectionPage
from wabot_tray.gui.settingswindow import SettingsWindow
from wabot_tray.gui.tray import Tray
from wabot_tray.gui.traymenu import TrayMenu
from wabot_tray.gui.updatenotice import KEY as UPDATE
from wabot_tray.gui.windows import Windows
from wabot_tray.system.i18n import language, set_language, t

_ZOOM = 6
_SIGN = 32  # pixels


class Photographer:
    """Makes the windows with a fake manager, and saves what they look like."""

    def __init__(self, app: QApplication, folder: Path, ending: str) -> None:
        self.app = app
        self.folder = folder
        self.ending = ending

    async def settle(self, seconds: float = 0.15) -> None:
        await asyncio.sleep(seconds)

    async def save(self, widget: QWidget, name: str) -> None:
        widget.show()
        await self.settle()
        widget.grab().save(str(self.folder / f"{name}-{self.ending}.png"))

    async def all(self) -> None:
        self.icons()
        await self.dashboards()
        await self.histories()
        await self.questions()
        await self.settings()
        await self.logs()
        await self.rules()
        await self.pairings()
        await self.pairings_by_number()
        await self.pairing_again()
        await assistant(self.save)
        await backups(self.save)
        await self.tray()

    def icons(self) -> None:
        """The sign of each state by itself, the same in every language and theme."""
        signs = {state.value: state_icon(state) for state in SessionState}
        for name, icon in {**signs, "none": empty_icon()}.items():
            icon.pixmap(_SIGN).save(str(self.folder / f"icon-{name}.png"))

    async def dashboards(self) -> None:
        for name, accounts in (
            ("dashboard", scenes.shop()),
            ("dashboard-every-state", scenes.every_state()),
            ("dashboard-notices", scenes.with_notices()),
            ("dashboard-update", scenes.shop()),
            ("dashboard-empty", ()),
        ):
            window, close = self._dashboard(*accounts)
            if name == "dashboard":
                window.select("account-2")
            if name == "dashboard-every-state":
                window.resize(1180, 900)
            if name == "dashboard-update":
                offer = (t("update.restart"), lambda: None)
                window.banners.show_notice(UPDATE, t("update.ready"), Tone.INFO, offer)
            if name == "dashboard-empty":
                window.show_tray_presence(False)
            await self.save(window, name)
            close()

    async def histories(self) -> None:
        for name, number in (("history", 0), ("history-empty", 1)):
            manager = FakeManager(*scenes.shop())
            if number == 0:
                manager.history.add("account-0", *scenes.past())
            bridge = ManagerBridge(manager)
            jobs = Jobs(print)
            with tempfile.NamedTemporaryFile(suffix=".ini") as file:
                store = QSettings(file.name, QSettings.Format.IniFormat)
            window = HistoryWindow(
                bridge, f"account-{number}", jobs, store, clock=manager.time.clock
            )
            window.periods.choose(Period.WEEK)
            await self.save(window, name)
            window.close()
            bridge.close()

    async def questions(self) -> None:
        window, close = self._dashboard(*scenes.shop())
        window.show()
        adding = window.ask_account()
        adding.name.setText("Panadería El Trigal")
        for name, dialog in (
            ("question-add", adding),
            ("question-rename", window.ask_name("account-0")),
            ("question-remove", window.ask_removal("account-0")),
            ("question-background", BackgroundDialog(window)),
            ("start-failed", error_box(t("gui.start_failed", why=t("error.control")))),
        ):
            await self.save(dialog, name)
            dialog.close()
        close()

    async def settings(self) -> None:
        """Every page, and a file that cannot be read."""
        with tempfile.TemporaryDirectory() as folder:
            program = FakeProgram(Path(folder), FakeManager(*scenes.shop()))
            windows = Windows(program, print, login_item=FakeLoginItem(enabled=True))
            windows.show_window("settings")
            window = windows.window("settings")
            assert isinstance(window, SettingsWindow)
            for number in range(len(window.pages)):
                window.show_page(number)
                await self.save(window, f"settings-{number + 1}")
            program.proxies.passwords["http://ana@proxy.example:3128"] = "x"
            await program.proxies.set("http://ana@proxy.example:3128")
            await program.proxies.set("none", account_id="account-1")
            program.proxies.why = Reason.PROXY_REFUSED
            window.show_page(1)
            page = window.page
            assert isinstance(page, ConnectionPage)
            page.way.test.click()
            await self.save(window, "settings-proxy")
            window.show_page(0)
            program.paths.settings_file.write_text('theme = "dark\n')
            await program.preferences.look()
            await self.save(window, "settings-file-broken")
            await windows.close()

    async def logs(self) -> None:
        """The log: explained, filtered without a match, looked for, paused, and none yet."""
        with tempfile.TemporaryDirectory() as folder:
            program = FakeProgram(Path(folder), FakeManager(*scenes.shop()))
            windows = Windows(program, print)
            windows.show_window("logs")
            window = windows.window("logs")
            assert isinstance(window, LogWindow)
            await self.settle(0.4)
            await self.save(window, "logs-empty")
            program.paths.bot_file.write_text('[[rule]]\nmatch = "hola"\nreply = "¡Hola!"\n')
            program.paths.logs.mkdir()
            program.paths.log_file.write_text(scenes.log_text(), encoding="utf-8")
            await self.settle(0.6)
            window.table.choose(11)
            await self.save(window, "logs")
            window.table.choose(13)
            window.bar.only.setChecked(False)
            window.bar.text.setText("account-0")
            window.pause.click()
            with program.paths.log_file.open("a", encoding="utf-8") as file:
                file.write(scenes.log_text())
            await self.settle(0.6)
            await self.save(window, "logs-found-paused")
            await self.bundles(window, Path(folder))
            window.bar.only.setChecked(True)
            window.bar.text.setText("zebra")
            await self.save(window, "logs-no-match")

    async def rules(self) -> None:
        """The editor, each of its forms, the "try it" box, a mistake in the file."""
        with tempfile.TemporaryDirectory() as folder:
            program = FakeProgram(Path(folder), FakeManager(*scenes.shop()))
            install_example(program.paths.bot_file, language())
            windows = Windows(program, print, login_item=FakeLoginItem())
            windows.show_window("rules")
            window = windows.window("rules")
            assert isinstance(window, RulesWindow)
            editor = window.editor
            editor.list.setCurrentRow(2)
            editor.try_box.message.setText(t("rules.example_text"))
            await self.settle(0.5)
            await self.save(window, "rules-1-rule")
            editor.form.own_times.click()
            editor.form.accounts.every.click()
            editor.form.reply.text.setPlainText("")
            await self.save(window, "rules-2-unfinished")
            window.undo.click()
            for row, name in ((3, "fallback"), (4, "hours"), (5, "general")):
                editor.list.setCurrentRow(row)
                for box in (editor.fallback.enabled, editor.hours.enabled):
                    if box.isVisible() and not box.isChecked():
                        box.click()
                await self.save(window, f"rules-{row}-{name}")
            window.resize(760, 900)
            editor.list.setCurrentRow(0)
            await self.save(window, "rules-6-narrow")
            window.load()
            keep_good_copy(program.paths.bot_file, program.paths.bot_file.read_text("utf-8"))
            program.paths.bot_file.write_text('groups = false\n\n[[rule]]\nwords = ["hi\n')
            window.look()
            await self.save(window, "rules-7-broken")
            await windows.close()

    async def bundles(self, window: LogWindow, folder: Path) -> None:
        """Saving diagnostics: collecting, what is inside, saved, and a file that is there."""
        dialog = window.ask_bundle()
        await self.save(dialog, "bundle-1-collecting")
        while dialog.collecting.is_busy:
            await self.settle()
        dialog.files.setCurrentRow(0)
        await self.save(dialog, "bundle-2-files")
        target = folder / "wabot-tray-2026-11-20-1200.zip"
        dialog.save_to(target)
        await self.settle(0.5)
        await self.save(dialog, "bundle-3-saved")
        dialog.save_to(target)
        await self.settle(0.5)
        question = dialog.findChild(ReplaceDialog)
        assert question is not None
        await self.save(question, "question-replace")
        question.close()
        dialog.close()

    def _dashboard(self, *accounts: SessionSnapshot) -> tuple[Dashboard, Callable[[], None]]:
        manager = FakeManager(*accounts)
        for number, one in enumerate(accounts):
            manager.history.add(one.id, *scenes.past(number))
        bridge = ManagerBridge(manager)
        with tempfile.NamedTemporaryFile(suffix=".ini") as file:
            store = QSettings(file.name, QSettings.Format.IniFormat)
        window = Dashboard(
            bridge, AccountActions(manager), store, OPENINGS, clock=manager.time.clock
        )
        window.may_close = True

        def close() -> None:
            window.close()
            bridge.close()

        return window, close

    async def pairings(self) -> None:
        manager = FakeManager(scenes.account(SessionState.LOGGED_OUT, 0, phone=None))
        bridge, jobs = ManagerBridge(manager), Jobs(print)
        window = PairingWindow(bridge, "account-0", jobs, clock=manager.time.clock)
        await self.save(window, "pairing-1-starting")
        manager.show_code("account-0", scenes.CODE)
        manager.time.pass_s(41)
        window.panel.tick()
        await self.save(window, "pairing-2-code")
        manager.time.pass_s(20)
        window.panel.tick()
        await self.save(window, "pairing-3-renewing")
        manager.pairing_step("account-0", PairingStage.LINKING)
        await self.save(window, "pairing-4-linking")
        manager.pairing_step("account-0", PairingStage.DONE, phone="573005550100")
        await self.save(window, "pairing-5-done")
        for reason in scenes.ENDINGS:
            manager.pairing_step("account-0", PairingStage.FAILED, reason=reason)
            await self.save(window, f"pairing-6-{reason}")
        window.close()
        await jobs.close()
        bridge.close()

    async def pairings_by_number(self) -> None:
        manager = FakeManager(scenes.account(SessionState.LOGGED_OUT, 0, phone=None))
        bridge, jobs = ManagerBridge(manager), Jobs(print)
        window = PairingWindow(bridge, "account-0", jobs, clock=manager.time.clock)
        panel, page = window.panel, window.panel.number
        panel.by_number.click()
        await self.settle(1.0)  # the countries are loaded
        await self.save(window, "pairing-7-number")
        page.country.setCurrentIndex(page.country.findData("CO"))
        for number, name in (("300 12", "short"), ("6012345678", "landline")):
            page.number.setText("")
            QTest.keyClicks(page.number, number)
            if name == "short":
                page.go.click()
            await self.save(window, f"pairing-7-number-{name}")
        page.number.setText("")
        QTest.keyClicks(page.number, "3001234567")
        page.go.click()
        await self.save(window, "pairing-8-asking")
        manager.show_link_code("account-0")
        manager.time.pass_s(41)
        panel.tick()
        await self.save(window, "pairing-8-code")
        manager.pairing_step(
            "account-0", PairingStage.FAILED, way=PairingWay.PHONE, reason=Reason.CODE_EXPIRED
        )
        await self.save(window, "pairing-8-expired")
        panel.again.click()
        await self.settle()
        manager.show_link_code("account-0")
        panel.link.other.click()
        await self.save(window, "pairing-7-number-last")
        page.go.click()
        await self.settle()
        manager.show_link_code("account-0")
        await self.save(window, "pairing-8-third")
        panel.link.other.click()
        await self.save(window, "pairing-9-pause")
        manager.pairing_step(
            "account-0", PairingStage.FAILED, way=PairingWay.PHONE, reason=Reason.NUMBER_REFUSED
        )
        await self.save(window, "pairing-9-refused")
        window.close()
        await jobs.close()
        bridge.close()

    async def pairing_again(self) -> None:
        """The causes above the code, and the warning that another phone was linked."""
        number = "573005550100"
        manager = FakeManager(scenes.account(SessionState.LOGGED_OUT, 0, phone=number))
        bridge, jobs = ManagerBridge(manager), Jobs(print)
        window = PairingWindow(bridge, "account-0", jobs, clock=manager.time.clock)
        await self.settle()
        manager.show_code("account-0", scenes.CODE)
        await self.save(window, "pairing-again-1-code")
        manager.change("account-0", notice=Reason.WRONG_PHONE, paired=True)
        manager.pairing_step("account-0", PairingStage.DONE, phone="573005550199")
        await self.save(window, "pairing-again-2-other")
        window.close()
        await jobs.close()
        bridge.close()

    async def tray(self) -> None:
        manager = FakeManager(*scenes.shop())
        bridge, actions = ManagerBridge(manager), AccountActions(manager)
        menu = TrayMenu(bridge, actions, FakeLoginItem(enabled=True), OPENINGS)
        tray = Tray(bridge, menu, clock=manager.time.clock)
        menu.popup(self.app.primaryScreen().availableGeometry().topLeft())
        await self.save(menu, "tray-menu")
        submenu = menu.account_menu("account-2")
        submenu.popup(self.app.primaryScreen().availableGeometry().center())
        await self.save(submenu, "tray-menu-account")
        submenu.close()
        menu.close()
        await self.message(tray)
        for snapshot in manager.snapshots():
            await manager.remove(snapshot.id)
        screen = Screen(os.environ["DISPLAY"])
        await self._tray_picture(screen, "none")
        manager.add("account-0", scenes.NAMES[0])
        for state, reason in scenes.CASES.items():
            manager.change("account-0", state=state, reason=reason)
            await self._tray_picture(screen, state.value)
        tray.close()
        bridge.close()

    async def message(self, tray: Tray) -> None:
        """What is said beside the tray, by Qt itself where no notification service is."""
        names = f"{scenes.NAMES[0]}, {scenes.NAMES[1]}"
        tray.tell(t("actions.reconnecting", names=names), Tone.INFO)
        await self.settle(0.4)
        shot = Screen(os.environ["DISPLAY"]).shot()
        corner = shot.width - 520, shot.height - 150, shot.width, shot.height
        shot.crop(corner).save(self.folder / f"tray-message-{self.ending}.png")
        for widget in QApplication.topLevelWidgets():
            if widget.metaObject().className() == "QBalloonTip":
                widget.close()

    async def _tray_picture(self, screen: Screen, name: str) -> None:
        await self.settle(0.4)
        box = await asyncio.to_thread(screen.tray_box)
        assert box is not None
        picture = screen.shot(box)
        size = picture.width * _ZOOM, picture.height * _ZOOM
        picture.resize(size, Image.Resampling.NEAREST).save(
            self.folder / f"tray-{name}-{self.ending}.png"
        )


def main(folder: Path, tongue: str, theme: str) -> None:
    set_language(tongue)
    app = make_application(Settings(theme=theme, language=tongue))
    with QEventLoop(app) as loop:
        loop.run_until_complete(Photographer(app, folder, f"{tongue}-{theme}").all())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
