"""What drives the manager's watches: timers, the network's return, and waking from sleep."""

import logging
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from PySide6.QtCore import SLOT, QObject, QTimer, Slot

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.settings import Settings
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.ports import Sessions

log = logging.getLogger(__name__)
PULSE_MS: Final = 10_000
# A pulse this late means that the computer slept; the loop itself is never away for so long.
SLEPT_FROM: Final = timedelta(seconds=30)
_LOGIND: Final = (
    "org.freedesktop.login1",
    "/org/freedesktop/login1",
    "org.freedesktop.login1.Manager",
    "PrepareForSleep",
)


class Watches(QObject):
    """Calls `check()` and `verify()` at their intervals, never two verifications at a time."""

    def __init__(
        self, manager: Sessions, jobs: Jobs, settings: Settings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._manager = manager
        self._jobs = jobs
        self.check = self._timer(settings.check_interval_s, self._on_check)
        self.verify = self._timer(settings.verify_interval_s, self._on_verify)

    def close(self) -> None:
        """Stop. A second call changes nothing."""
        self.check.stop()
        self.verify.stop()

    def _timer(self, interval_s: float, work: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.timeout.connect(work)
        timer.start(round(interval_s * 1000))
        return timer

    def _on_check(self) -> None:
        self._manager.check()

    def _on_verify(self) -> None:
        started = self._jobs.start("watch: verify", self._verify, tell_error=_only_logged)
        if not started:
            log.warning("verify: the last one is not over yet, skipped")

    async def _verify(self) -> None:
        await self._manager.verify()


class NetworkWatch(QObject):
    """Tells the manager when the system says that the network came or went.

    Where Qt has no backend for this system, it stays silent; the manager has eyes of its own.
    """

    def __init__(self, manager: Sessions, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # Loaded here: it brings a plug-in, and the tray icon does not wait for it.
        from PySide6.QtNetwork import QNetworkInformation  # noqa: PLC0415

        self._manager = manager
        self._online = QNetworkInformation.Reachability.Online
        self._gone = QNetworkInformation.Reachability.Disconnected
        self.is_present = QNetworkInformation.loadDefaultBackend()
        info = QNetworkInformation.instance() if self.is_present else None
        if info is not None:
            info.reachabilityChanged.connect(self.on_reachability)

    def on_reachability(self, reach: object) -> None:
        """Pass on what is certain; "perhaps" and "only this house" are not."""
        if reach in {self._online, self._gone}:
            self._manager.network_changed(online=reach is self._online)


class SleepWatch(QObject):
    """Tells the manager when the computer wakes up, once per sleep.

    logind says so at once; a pulse that comes far too late says so everywhere else.
    """

    def __init__(
        self,
        manager: Sessions,
        *,
        clock: Clock = SYSTEM_CLOCK,
        platform: str = sys.platform,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._manager = manager
        self._now = clock.now  # the wall clock: it runs on through a sleep on every system
        self._last_pulse = clock.now()
        self._last_wake: datetime | None = None
        self._pulse = QTimer(self)
        self._pulse.timeout.connect(self.on_pulse)
        self._pulse.start(PULSE_MS)
        self.hears_logind = platform.startswith("linux") and self._listen_to_logind()

    def close(self) -> None:
        """Stop. A second call changes nothing."""
        self._pulse.stop()

    def on_pulse(self) -> None:
        """Compare this pulse with the last."""
        now = self._now()
        gap, self._last_pulse = now - self._last_pulse, now
        if gap >= SLEPT_FROM:
            self._woke(now)

    @Slot(bool)
    def onPrepareForSleep(self, going: bool) -> None:
        """Hear logind: True before the sleep, False after it."""
        if not going:
            self._woke(self._now())

    def _woke(self, now: datetime) -> None:
        if self._last_wake is None or now - self._last_wake >= SLEPT_FROM:
            self._last_wake = now
            self._manager.resumed()

    def _listen_to_logind(self) -> bool:
        try:
            from PySide6.QtDBus import QDBusConnection  # noqa: PLC0415 - Linux alone has it
        except ImportError:
            return False
        bus = QDBusConnection.systemBus()
        if not bus.isConnected():
            return False
        service, path, interface, name = _LOGIND
        slot = SLOT("onPrepareForSleep(bool)")
        # PySide6's stubs ask for bytes, PySide6 itself for a text.
        return bus.connect(service, path, interface, name, self, slot)  # type: ignore[call-overload,no-any-return]


def _only_logged(_text: str) -> None:
    """A watch that failed is in the log; the states tell the person the rest."""
