"""`wabot pair`: links a phone by a QR code in the terminal, or by a code to type on the phone.

Ctrl+C hangs up, and the program then ends the attempt by itself. The code is written to the
terminal and nowhere else.
"""

import argparse
from collections.abc import Callable

from wabot_tray.cli.exits import Exit
from wabot_tray.cli.output import complain, phone_words, say, say_json
from wabot_tray.cli.qr import Screen
from wabot_tray.control.client import connect
from wabot_tray.control.errors import NotRunningError
from wabot_tray.control.protocol import from_json
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingProgress, PairingStage, PairingWay
from wabot_tray.system.i18n import t
from wabot_tray.system.paths import Paths

_TICK_S = 1.0


def run(args: argparse.Namespace, paths: Paths) -> Exit:
    """Link a phone; good if it was linked."""
    screen = Screen(args.id)
    show: Callable[[PairingProgress | None], None] = _show_json if args.json else screen.show
    phone = None if args.phone is None else _digits(args.phone)
    last: PairingProgress | None = None
    with connect(paths) as client:
        tick_s = None if args.json else _TICK_S
        for reply in client.stream("pair", id=args.id, phone=phone, tick_s=tick_s):
            if reply is None:
                show(None)
            elif reply.event is not None:
                last = from_json(PairingProgress, reply.event)
                show(last)
    if last is None:
        raise NotRunningError("error.program_ended")
    if not args.json:
        _conclude(last)
    return Exit.GOOD if last.stage is PairingStage.DONE else Exit.NOT_AS_WANTED


def _digits(text: str) -> str:
    """Return the number in digits, and say what is odd about it.

    Raises:
        NumberError: It is none.
    """
    from wabot_tray.system import numbers  # noqa: PLC0415 - most links are made by QR

    number = numbers.checked(text, numbers.home_region())
    if number.warning:
        complain(t(number.warning))
    return number.digits


def _show_json(step: PairingProgress | None) -> None:
    """Write one line per event; these names are a promise."""
    if step is None:
        return
    match step.stage:
        case PairingStage.CODE:
            ends = step.code_expires_at
            expires_at = None if ends is None else ends.isoformat()
            event = "qr" if step.way is PairingWay.QR else "code"
            say_json({"event": event, "code": step.code, "expires_at": expires_at})
        case PairingStage.DONE:
            say_json({"event": "paired", "phone": step.phone})
        case PairingStage.FAILED:
            reason = step.reason or Reason.PAIRING_ERROR
            say_json({"event": "failed", "reason": reason.value})
        case PairingStage.STARTING | PairingStage.LINKING:
            pass


def _conclude(last: PairingProgress) -> None:
    if last.stage is PairingStage.DONE:
        say(t("cli.pair.done", phone=phone_words(last.phone)))
        return
    reason = last.reason or Reason.PAIRING_ERROR
    complain(t(f"reason.{reason}", until="") + " " + t(f"advice.{reason}"))
