"""What drives the manager's watches on a desktop: timers, and the network's return."""

import logging
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

from wabot_tray.core.settings import Settings
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.ports import Sessions

log = logging.getLogger(__name__)


class Watches(QObject):
    """Calls `check()` and `verify()` at their intervals, never two verifications at a time."""

    def __init__(
        self, manager: Sessions, jobs: Jobs, settings: Settings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._manager = manager
        self._jobs = jobs
        self.check = self._timer(self._on_check)
        self.verify = self._timer(self._on_verify)
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Take the intervals from `settings`; one that is as before goes on undisturbed."""
        for timer, interval_s in (
            (self.check, settings.check_interval_s),
            (self.verify, settings.verify_interval_s),
        ):
            if timer.interval() != (interval_ms := round(interval_s * 1000)):
                timer.start(interval_ms)

    def close(self) -> None:
        """Stop. A second call changes nothing."""
        self.check.stop()
        self.verify.stop()

    def _timer(self, work: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.timeout.connect(work)
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


def _only_logged(_text: str) -> None:
    """A watch that failed is in the log; the states tell the person the rest."""
