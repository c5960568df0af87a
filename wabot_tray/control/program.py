"""The program without its windows: what the desktop and the headless front end both run."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from wabot_tray import __version__
from wabot_tray.control.backupdesk import BackupDesk
from wabot_tray.control.backups import Backups
from wabot_tray.control.facts import program_figures
from wabot_tray.control.preferences import Preferences
from wabot_tray.control.protocol import Check
from wabot_tray.control.proxies import Proxies
from wabot_tray.control.server import ControlServer, Host
from wabot_tray.control.settingsdesk import SettingsDesk
from wabot_tray.control.wiring import PRODUCT, Wiring
from wabot_tray.core.clock import SYSTEM_CLOCK
from wabot_tray.core.errors import WabotError
from wabot_tray.core.settings import Settings
from wabot_tray.sessions.manager import Parts, SessionManager
from wabot_tray.sessions.nursery import Nursery
from wabot_tray.sessions.reachability import WHATSAPP
from wabot_tray.sessions.starting import NurseryProcess, worker_command
from wabot_tray.sessions.supervisor import worker_factory
from wabot_tray.sessions.ways import DoorWatches
from wabot_tray.sessions.weight import LIMIT_BYTES
from wabot_tray.storage.account_keys import AccountKeys
from wabot_tray.storage.history_file import HistoryFolder
from wabot_tray.storage.keyring import KeySource
from wabot_tray.storage.proxy_passwords import ProxyPasswords
from wabot_tray.storage.registry import Registry
from wabot_tray.storage.restore import recover
from wabot_tray.system.i18n import language, sentence, set_language
from wabot_tray.system.installed import Installed
from wabot_tray.system.logs import set_level
from wabot_tray.system.paths import Paths, remove_runtime, runtime_places
from wabot_tray.system.sleep import SleepWatch

log = logging.getLogger(__name__)


def _nothing() -> None:
    """Stand in for a front end that is not there yet."""


class Program:
    """The accounts, their keys and the control socket of one data folder.

    The caller holds the lock on the data folder (`paths.lock_file`).

    Args:
        paths: Where everything lies.
        settings: What the person set.
        source: Where the master key comes from.
        wiring: See `Wiring`.
        settings_problem: Why the settings' file could not be read, if so.
        nursery: The process to fork workers from, if it was started already.

    Raises:
        WabotError: The list of accounts cannot be read.
    """

    def __init__(
        self,
        paths: Paths,
        settings: Settings,
        source: KeySource,
        wiring: Wiring = PRODUCT,
        settings_problem: WabotError | None = None,
        nursery: NurseryProcess | None = None,
    ) -> None:
        self.paths = paths
        self.preferences = Preferences(paths.settings_file, settings, settings_problem)
        self.preferences.subscribe(self._on_settings)
        self.on_show: Callable[[], None] = _nothing
        self.on_quit: Callable[[], None] = _nothing
        self.extra_checks: Callable[[], Iterable[Check]] = tuple
        self.complaints: list[WabotError] = []  # for the window to show at its start
        self.installed = Installed(wiring.witness)
        self.starts_again = False  # once it has ended
        self.keys = source
        passwords = ProxyPasswords(source, paths)
        registry = Registry(paths.registry_file)
        registry.load()
        recover(paths, registry)  # a restore that was cut off
        self._nursery = Nursery(wiring.worker_command or worker_command(), nursery)
        parts = Parts(
            registry=registry,
            keys=AccountKeys(source, paths),
            paths=paths,
            make_worker=worker_factory(self._nursery.launch),
            memory_limit_bytes=wiring.memory_limit_bytes or LIMIT_BYTES,
            passwords=passwords,
            history=HistoryFolder(paths.history),
        )
        self.manager = SessionManager(parts, settings)
        self.extra_facts: Callable[[], Mapping[str, object]] = dict
        self._began = SYSTEM_CLOCK.monotonic()
        host = Host(show=self._show, quit=self._quit, diagnose=self._diagnose, facts=self.facts)
        self.backups = Backups(paths, source, registry, self.manager.set_down)
        self._door = wiring.door or WHATSAPP
        self.proxies = Proxies(self.manager, passwords, self.preferences, self._door)
        desks = (BackupDesk(self.backups), SettingsDesk(self.preferences, self.proxies))
        self._server = ControlServer(self.manager, host, paths, desks=desks)
        self._watches: list[asyncio.Task[None]] = []

    @property
    def settings(self) -> Settings:
        """What the person set; another object after each change."""
        return self.preferences.settings

    async def apply(self, settings: Settings) -> None:
        """Keep `settings` and use them from now on. See `Preferences.apply`."""
        await self.preferences.apply(settings)

    def _on_settings(self) -> None:
        set_level(self.settings.log_level)
        set_language(self.settings.language)
        self.manager.use(self.settings)

    def restart(self) -> None:
        """End, and start again as what is installed now."""
        log.info("restarting")
        self.starts_again = True
        self.on_quit()

    def complain(self, problem: WabotError) -> None:
        """Log what is wrong with this start, and keep it for the window to show."""
        log.warning("%s", sentence(problem))
        self.complaints.append(problem)

    def _install_rules(self) -> None:
        """Give a new data folder example rules to change; only a greeting is switched on."""
        if self.paths.bot_file.exists():
            return
        # With the rules comes their engine, which this process needs for nothing else.
        from wabot_tray.bot.rulebook_file import install_example  # noqa: PLC0415

        try:
            if install_example(self.paths.bot_file, language()):
                log.info("example rules are in %s", self.paths.bot_file)
        except OSError as err:
            log.warning("the example rules could not be written: %s", err)

    async def start(self) -> None:
        """Restore the accounts and listen to the command line.

        Raises:
            ControlError: Another program listens on this data folder.
            OSError: The runtime folder cannot be used.
        """
        log.info("wabot-tray %s, data in %s", __version__, self.paths.data)
        self._nursery.prepare()
        self._install_rules()
        await self.manager.start()
        await self._server.start(lock_held=True)
        doors = DoorWatches(
            self.manager.ways, self._door, self.manager.trouble, self.manager.door_opened
        )
        sleep = SleepWatch(self.manager.resumed, self.manager.clock_set)
        loop = asyncio.get_running_loop()
        self._watches = [
            loop.create_task(doors.run(), name="reachability"),
            loop.create_task(sleep.run(), name="sleep"),
            loop.create_task(self.manager.live_watch.run(), name="live"),
            loop.create_task(self._server.stay(), name="door"),
            loop.create_task(self.preferences.run(), name="settings"),
        ]

    async def close(self) -> None:
        """End every worker, sealed and politely, then hang up. Closing twice is harmless."""
        watches, self._watches = self._watches, []
        for watch in watches:
            watch.cancel()
        if watches:
            await asyncio.wait(watches)
        await self.manager.close()
        await self._nursery.close()
        await self._server.close()
        for place in runtime_places(self.paths):
            remove_runtime(place)
        log.info("Stopped")

    async def check(self) -> None:
        """Look at every session's deadlines; the headless front end's two-minute watch."""
        self.manager.check()

    async def verify(self) -> None:
        """Make a round trip for every session; the headless front end's five-minute watch."""
        await self.manager.verify()

    def facts(self) -> dict[str, object]:
        """Return figures of this process and its workers, for a bundle of diagnostics."""
        running_s = SYSTEM_CLOCK.monotonic() - self._began
        figures = program_figures(running_s, self.manager.worker_memory())
        return figures | dict(self.extra_facts())

    # The front end sets what these call after the socket was made.
    def _show(self) -> None:
        self.on_show()

    def _quit(self) -> None:
        self.on_quit()

    def _diagnose(self) -> Iterable[Check]:
        if self.installed.is_replaced():
            key = "check.version.replaced"
            yield Check(name="version", level="warn", key=key, advice_key=f"{key}.advice")
        # What this process sees may differ from what the command line sees.
        params = {"path": str(self.paths.runtime)}
        if self.paths.runtime_in_ram:
            yield Check(name="live_folder", level="ok", key="check.live_folder.ok", params=params)
        else:
            key = "check.live_folder.disk"
            yield Check(
                name="live_folder", level="warn", key=key, params=params, advice_key=f"{key}.advice"
            )
        yield from self.extra_checks()
