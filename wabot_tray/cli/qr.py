"""A code in a terminal, to scan or to type, with the time that is left."""

import io
import shutil
from datetime import UTC, datetime

from wabot_tray.cli.output import can_write, coloured, is_terminal, say, wrapped
from wabot_tray.core.snapshot import PairingProgress, PairingStage, PairingWay
from wabot_tray.system.i18n import t

_CLEAR = "\033[H\033[2J\033[3J"  # the old code leaves the scroll-back too
_LIGHT_ON_DARK = "\033[97;40m"  # a phone reads it in light terminals as well
_PLAIN = "\033[0m"
_FULL_BORDER = 4  # light modules around the code, as the standard asks
_SMALL_BORDER = 2  # still read by phones; for 80 columns
_LINES_BESIDE = 8


class Screen:
    """Shows the steps of one pairing to a person."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id
        self._step: PairingProgress | None = None
        self._drawn = False  # whether a code is on the terminal

    def show(self, step: PairingProgress | None) -> None:
        """Show `step`, or with None that a second has passed."""
        if step is None:
            self._count_down()
            return
        self._step = step
        match step.stage:
            case PairingStage.STARTING:
                say(t("cli.pair.starting"))
            case PairingStage.CODE:
                self._draw(step)
                self._count_down()
            case PairingStage.LINKING:
                self._wipe()
                say(t("cli.pair.linking"))
            case PairingStage.DONE | PairingStage.FAILED:
                self._wipe()

    def _draw(self, step: PairingProgress) -> None:
        if is_terminal():
            print(_CLEAR, end="")
        say(t("cli.pair.title", id=self._account_id))
        if step.way is PairingWay.PHONE:
            say(wrapped(t("cli.pair.code_steps"), ""))
            say()
            say(f"    {coloured(step.code, 'bold')}")
            say()
        else:
            say(wrapped(t("cli.pair.steps"), ""))
            say()
            say(drawn(step.code))
        self._drawn = True

    def _count_down(self) -> None:
        """Rewrite the line below the code; without a terminal there is nothing to rewrite."""
        step = self._step
        if step is None or step.stage is not PairingStage.CODE or not is_terminal():
            return
        key = "cli.pair.countdown" if step.way is PairingWay.QR else "cli.pair.code_countdown"
        text = t(
            key,
            number=step.number,
            seconds=_seconds_left(step.code_expires_at),
            total=_seconds_left(step.window_ends_at),
        )
        print(f"\r\033[K{text}", end="", flush=True)

    def _wipe(self) -> None:
        """Take a code that has served off the screen."""
        if self._drawn and is_terminal():
            print(_CLEAR, end="", flush=True)
        self._drawn = False


def drawn(code: str) -> str:
    """Return `code` as lines of half blocks, or a sentence where they do not fit."""
    import segno  # noqa: PLC0415 - half of the start-up time, and only pairing needs it

    picture = segno.make(code, error="l", micro=False)
    room = shutil.get_terminal_size() if is_terminal() else None
    modules = picture.symbol_size(border=0)[0]
    fits = room is None or modules + 2 * _FULL_BORDER <= room.columns
    border = _FULL_BORDER if fits else _SMALL_BORDER
    size = modules + 2 * border
    if not can_write("▀▄█"):
        return wrapped(t("cli.pair.no_unicode"), "")
    if room is not None and size > room.columns:
        return wrapped(t("cli.pair.narrow", columns=size), "")
    text = io.StringIO()
    picture.terminal(out=text, border=border, compact=True)
    lines = text.getvalue().splitlines()
    if is_terminal():
        lines = [f"{_LIGHT_ON_DARK}{line}{_PLAIN}" for line in lines]
    if room is not None and len(lines) + _LINES_BESIDE > room.lines:
        lines.append(wrapped(t("cli.pair.low", lines=len(lines) + _LINES_BESIDE), ""))
    return "\n".join(lines)


def _seconds_left(moment: datetime | None) -> int:
    if moment is None:
        return 0
    return max(0, round((moment - datetime.now(UTC)).total_seconds()))
