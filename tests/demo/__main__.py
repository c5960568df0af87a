"""`python3 dev.py demo`: a phone is linked, customers write, the network breaks and comes back.

On a desktop the real windows and tray icon are used, with a throw-away key file, because the
desktop's own keyring is not ours to write to. Without a display the program runs headless, with a
throw-away keyring, and the story is told here. `--once` ends it after the story.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from tests.demo.story import Teller
from tests.e2e.harness import ROOT, Follower, Shop, until
from tests.simulator.people import Customer
from tests.simulator.running import RunningSimulator
from wabot_tray.storage.key_file import create_key_file
from wabot_tray.system.i18n import system_language

RULES: Final = {
    "en": """
[[rule]]
match = "price|how much"
reply = "Hello {name}! Bread 2.50, cake 14.00."
[[rule]]
match = "open|hours"
reply = "We are open from 8 to 20, {name}."
[fallback]
reply = "Thanks for writing, {name}. We answer in a moment."
""",
    "es": """
[[rule]]
match = "precio|cuánto"
reply = "¡Hola {name}! Pan 2,50, pastel 14,00."
[[rule]]
match = "abierto|horario"
reply = "Abrimos de 8 a 20, {name}."
[fallback]
reply = "Gracias por escribir, {name}. Te contestamos en un momento."
""",
}
QUESTIONS: Final = {
    "en": (("Ana", "How much is the bread?"), ("Luis", "Are you open today?"), ("Eva", "Hello!")),
    "es": (
        ("Ana", "¿Qué precio tiene el pan?"),
        ("Luis", "¿Qué horario tenéis?"),
        ("Eva", "¡Hola!"),
    ),
}


class DemoShop(Shop):
    """The computer of the demo: on a desktop it is this one, with its own session bus."""

    on_desktop = False

    @property
    def env(self) -> dict[str, str]:
        """The environment the program runs in."""
        if not self.on_desktop:
            return super().env
        env = dict(os.environ)
        env["WABOT_TRAY_DATA_DIR"] = str(self.data)
        return env

    @property
    def key(self) -> Path:
        """The throw-away key file."""
        return self.folder / "key"

    def entry(self) -> list[str]:
        """Start the program with the hand in it where there are windows to click."""
        if not self.on_desktop:
            return super().entry()
        command = super().entry()
        command[command.index("tests.simulator.program_entry")] = "tests.demo.hand"
        return command

    def open(self) -> None:
        """Start the program; on a desktop its words come through a pipe, to see the code."""
        if not self.on_desktop:
            self.start()
            return
        with (self.folder / "console.txt").open("ab") as console:
            self.process = subprocess.Popen(
                [*self.entry(), "--key-file", str(self.key)],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=console,
                start_new_session=True,  # Ctrl+C ends the demo, and the demo ends the program
            )

    def seen_code(self) -> str:
        """Return the code the eye has seen in the pairing window."""
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(b"QR "):
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return line[3:].decode().strip()
        raise AssertionError("the program ended")


class Demo:
    """The story, step by step."""

    def __init__(self, shop: DemoShop, simulator: RunningSimulator, language: str) -> None:
        self.shop = shop
        self.simulator = simulator
        self.language = language
        self.say = Teller(language)
        self.phone = simulator.add_phone("34600111222", "Rosa")
        self.customers: dict[str, Customer] = {}
        for number, (name, _) in enumerate(QUESTIONS[language]):
            self.customers[name] = simulator.add_customer(f"3465500000{number}", name)
        self.account = ""

    def tell(self) -> None:
        """Tell it from beginning to end."""
        self.say("start")
        self.shop.open()
        self.shop.answering()
        self._link()
        self._customers_write()
        with self.shop.follow() as follower:
            self.say("cut")
            self._repaired(follower, self.simulator.faults.cut)
            self.say("network")
            self.simulator.faults.refuse()
            self.simulator.faults.cut()
            time.sleep(8)
            self.say("back")
            self._repaired(follower, self.simulator.faults.accept)
            self.say("crash")
            self._repaired(follower, self.shop.workers()[0].kill)
        self._customers_write()
        self.say("restart")
        self.shop.quit()
        began = time.monotonic()
        self.shop.open()
        self.shop.answering()
        self.say("connected", seconds=self.shop.until_state("connected", self.account) - began)
        self._customers_write()

    def go_on(self) -> None:
        """Have a customer write now and then, until interrupted."""
        self.say("end")
        while True:
            time.sleep(10)
            self._customers_write()

    def _link(self) -> None:
        if self.shop.on_desktop:
            code = self.shop.seen_code()
            self.say("scan")
            began = time.monotonic()
            self.phone.scan(code)
            self.account = until(lambda: next(iter(self.shop.sessions()), ""), "the account")
            seconds = self.shop.until_state("connected", self.account) - began
        else:
            self.account = "rosa"
            self.say("scan")
            seconds = self.shop.pair(self.phone, self.account)
        self.say("linked", seconds=seconds)

    def _customers_write(self) -> None:
        self.say("customers")
        for name, text in QUESTIONS[self.language]:
            customer = self.customers[name]
            before = len(customer.replies)
            customer.send(self.phone, text)
            self.say("says", name=name, text=text)
            reply = customer.wait_for_replies(before + 1, 30)[-1]
            self.say("answers", name=name, text=reply.text)

    def _repaired(self, follower: Follower, act: Callable[[], object]) -> None:
        began = time.monotonic()
        seen = len(follower.seen)
        act()
        until(lambda: len(follower.seen) > seen, "a change", 60)
        back = follower.wait("connected", self.account, after=began, timeout_s=90)
        told: list[str] = []
        for _, _, state in follower.seen[seen:]:
            if not told or told[-1] != state:
                told.append(state)
        self.say("state", state=" → ".join(told))
        self.say("connected", seconds=back - began)


def main() -> int:
    """Run the demo and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--headless", action="store_true", help="tell it in the terminal")
    parser.add_argument("--once", action="store_true", help="end after the story")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    language = system_language()
    say = Teller(language)
    say("title")
    on_desktop = not chosen.headless and _has_display()
    say("desktop" if on_desktop else "headless")
    try:
        with _stage(language, on_desktop=on_desktop) as demo:
            demo.tell()
            if not chosen.once:
                demo.go_on()
    except KeyboardInterrupt:
        say("interrupted")
    say("bye")
    return 0


@contextlib.contextmanager
def _stage(language: str, *, on_desktop: bool) -> Iterator[Demo]:
    with RunningSimulator() as simulator, DemoShop(simulator, language=language) as shop:
        shop.on_desktop = on_desktop
        create_key_file(shop.key)
        shop.write_rules(RULES[language])
        yield Demo(shop, simulator, language)


def _has_display() -> bool:
    names = ("DISPLAY", "WAYLAND_DISPLAY")
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in names)


if __name__ == "__main__":
    sys.exit(main())
