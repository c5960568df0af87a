"""The program without workers, keys and sockets, beside the real `control.program.Program`."""

import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager
from tests.storage import conftest as storage
from tests.storage.backup_bench import Computer
from wabot_tray.control.backups import Backups, SetDown
from wabot_tray.control.preferences import Preferences
from wabot_tray.control.protocol import Check
from wabot_tray.core.errors import WabotError
from wabot_tray.core.proxies import checked_proxy
from wabot_tray.core.reasons import Reason
from wabot_tray.core.settings import Settings
from wabot_tray.storage.registry import Registry
from wabot_tray.storage.settings_file import save_settings
from wabot_tray.system.i18n import set_language
from wabot_tray.system.installed import Installed
from wabot_tray.system.paths import Paths


def _nothing() -> None: ...


def _no_checks() -> Iterable[Check]:
    return ()


class FakeKeys:
    """A keyring that is open, or not."""

    KEY = b"k" * 32

    def __init__(self) -> None:
        self.kind = "keyring"
        self.is_open = True

    async def is_available(self) -> bool:
        return self.is_open

    async def master_key(self, *, create: bool) -> bytes:
        del create
        return self.KEY


class FakeProxies:
    """Keeps ways as the real one does, passwords in the open; `why` is what every look finds."""

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences
        self.own: dict[str, str] = {}
        self.passwords: dict[str, str] = {}
        self.why: Reason | None = None
        self.tried: list[tuple[str, str | None]] = []

    def of_accounts(self) -> dict[str, str]:
        return dict(self.own)

    async def set(
        self, proxy: str, *, password: str | None = None, account_id: str | None = None
    ) -> None:
        way = checked_proxy(proxy, of_account=account_id is not None)
        if password is not None:
            self.passwords[way] = password
        if account_id is None:
            await self._preferences.apply(replace(self._preferences.settings, proxy=way))
        else:
            self.own[account_id] = way

    async def has_password(self, proxy: str) -> bool:
        return bool(self.passwords.get(proxy))

    async def why_shut(self, proxy: str, password: str | None = None) -> Reason | None:
        self.tried.append((proxy, password))
        return self.why


class FakeProgram:
    """Starts and closes at once; `log` says in which order."""

    def __init__(
        self, folder: Path, manager: FakeManager, settings: Settings | None = None
    ) -> None:
        self.paths = Paths(data=folder, runtime=folder / "run", runtime_in_ram=False)
        if settings is not None:
            save_settings(self.paths.settings_file, settings)
        # The real one: it needs nothing but a file.
        self.preferences = Preferences(self.paths.settings_file, settings or Settings())
        self.preferences.subscribe(self._speak)
        self.manager = manager
        self.keys = FakeKeys()
        self.proxies = FakeProxies(self.preferences)
        # The real ones, of the accounts in the folder; the fake manager has its own.
        registry = Registry(self.paths.registry_file, clock=manager.time.clock)
        registry.load()
        self.backups = Backups(
            self.paths, self.keys, registry, self.set_down(registry), manager.time.clock
        )
        self.on_show: Callable[[], None] = _nothing
        self.on_quit: Callable[[], None] = _nothing
        self.extra_checks: Callable[[], Iterable[Check]] = _no_checks
        self.extra_facts: Callable[[], Mapping[str, object]] = dict
        self.complaints: list[WabotError] = []
        self.problem: WabotError | OSError | None = None
        self.witness = folder / "installed"
        self.witness.parent.mkdir(parents=True, exist_ok=True)
        self.witness.write_text("this version", encoding="ascii")
        self.installed = Installed(self.witness)  # the real one, of another file
        self.log: list[str] = []

    def set_down(self, registry: Registry) -> SetDown:
        @contextlib.asynccontextmanager
        async def down(account_ids: Collection[str]) -> AsyncIterator[Registry]:
            self.log.append(f"down {' '.join(account_ids)}")
            yield registry

        return down

    def _speak(self) -> None:
        set_language(self.settings.language)

    @property
    def settings(self) -> Settings:
        return self.preferences.settings

    async def apply(self, settings: Settings) -> None:
        await self.preferences.apply(settings)

    def facts(self) -> dict[str, object]:
        return {"worker_memory_mb": {}} | dict(self.extra_facts())

    def restart(self) -> None:
        self.log.append("restart")

    async def start(self) -> None:
        self.log.append("start")
        if self.problem is not None:
            raise self.problem

    async def close(self) -> None:
        self.log.append("close")


def backup_program(folder: Path) -> FakeProgram:
    """Return a program whose accounts have lain in their folder for a month, links and all."""
    data = folder / "shop"
    time = storage.FakeTime()
    computer = Computer(data, time, FakeKeys.KEY)
    for number, name in enumerate(scenes.NAMES[:3]):
        phone = f"5730055501{number:02d}"
        computer.add(f"account-{number}", label=name, phone=phone, paired=number < 2)
    computer.paths.bot_file.write_text("# the shop's own rules\n")
    computer.paths.settings_file.write_text("quiet_s = 2\n")
    manager = FakeManager(*scenes.shop()[:3])
    manager.time.moment = time.now() + timedelta(days=31)
    return FakeProgram(computer.paths.data, manager)
