"""A desktop for tests: a real X server, a real tray host, a private session bus, eyes and a hand.

Needs no Qt, so that a test can run the real program as a child and watch it from outside:

    with start_desktop() as desktop:
        child = subprocess.Popen([...], env=desktop.env())
        wait_for(lambda: desktop.screen.tray_count(CONNECTED_COLOUR) > 20, what="a green icon")
        desktop.screen.click(*desktop.screen.tray_centre(), button=3)

Every helper is a context manager, has `stop()`, and ends only the process it started.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from PIL import Image, ImageGrab

TOOLS = ("Xvfb", "trayer", "xdotool", "dbus-daemon")
PANEL_HEIGHT = 28
Rgb = tuple[int, int, int]
Box = tuple[int, int, int, int]  # left, top, right, bottom
T = TypeVar("T")

# A session bus that starts no service by itself: no Secret Service, no portal, no surprise.
_BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir={folder}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


def missing_tools() -> tuple[str, ...]:
    """Return the programs this module needs that are not installed."""
    return tuple(tool for tool in TOOLS if shutil.which(tool) is None)


def rgb(colour: str) -> Rgb:
    """Return a colour like "#1fa855" as three numbers."""
    text = colour.removeprefix("#")
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def wait_for(look: Callable[[], T], *, timeout_s: float = 10.0, what: str = "it") -> T:
    """Return the first truthy answer of `look`, asked every 50 ms.

    Raises:
        AssertionError: None came in time; the message holds the last answer.
    """
    end = time.monotonic() + timeout_s
    while True:
        if found := look():
            return found
        if time.monotonic() >= end:
            raise AssertionError(f"{what} was not seen in {timeout_s:g} s; last: {found!r}")
        time.sleep(0.05)


class Running:
    """A process that ends with the block it was started in. Stopping twice is harmless."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """Ask, then kill, this process alone."""
        if self.alive:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class XServer(Running):
    """A virtual screen."""

    def __init__(self, process: "subprocess.Popen[bytes]", display: str) -> None:
        super().__init__(process)
        self.display = display
        self.screen = Screen(display)


class TrayHost(Running):
    """A panel with a system tray (XEmbed)."""


class SessionBus(Running):
    """A session bus of our own."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        address: str,
        folder: "tempfile.TemporaryDirectory[str]",
    ) -> None:
        super().__init__(process)
        self.address = address
        self._folder = folder

    def stop(self) -> None:
        super().stop()
        self._folder.cleanup()


class Screen:
    """What is to be seen on a display, and a mouse to act on it."""

    def __init__(self, display: str) -> None:
        self.display = display

    def shot(self, box: Box | None = None) -> Image.Image:
        """Return the pixels of the whole screen, or of `box`."""
        picture = ImageGrab.grab(xdisplay=self.display).convert("RGB")
        return picture.crop(box) if box else picture

    def pixel(self, x: int, y: int) -> Rgb:
        """Return one pixel's colour."""
        found = self.shot((x, y, x + 1, y + 1)).getpixel((0, 0))
        assert isinstance(found, tuple)
        return int(found[0]), int(found[1]), int(found[2])

    def count(self, colour: str, box: Box | None = None) -> int:
        """Return how many pixels have exactly `colour`."""
        picture = self.shot(box)
        wanted = rgb(colour)
        colours = picture.getcolors(picture.width * picture.height) or []
        return sum(number for number, found in colours if found == wanted)

    def xdotool(self, *args: str) -> str:
        """Run xdotool on this display and return what it says; empty where it found nothing."""
        done = subprocess.run(
            ["xdotool", *args],
            env=os.environ | {"DISPLAY": self.display},
            capture_output=True,
            check=False,
            timeout=20,
        )
        return done.stdout.decode().strip()

    def click(self, x: int, y: int, *, button: int = 1) -> None:
        """Click there with the mouse."""
        self.xdotool("mousemove", str(x), str(y), "click", str(button))

    def press(self, *keys: str) -> None:
        """Press keys, named as xdotool names them ("Down", "Return", "ctrl+q")."""
        for key in keys:
            self.xdotool("key", "--clearmodifiers", key)

    def clipboard(self) -> str:
        """Return what was copied last, empty where that is no text."""
        done = subprocess.run(
            ["xclip", "-selection", "clipboard", "-out"],
            env=os.environ | {"DISPLAY": self.display},
            capture_output=True,
            check=False,
            timeout=20,
        )
        return done.stdout.decode() if done.returncode == 0 else ""

    def windows(self, title: str) -> list[str]:
        """Return the ids of visible windows whose title matches the expression `title`."""
        return self.xdotool("search", "--onlyvisible", "--name", title).split()

    def window_box(self, window: str) -> Box:
        """Return where a window lies on the screen."""
        values = dict(
            line.split("=", 1)
            for line in self.xdotool("getwindowgeometry", "--shell", window).splitlines()
            if "=" in line
        )
        x, y = int(values["X"]), int(values["Y"])
        return x, y, x + int(values["WIDTH"]), y + int(values["HEIGHT"])

    def tray_box(self) -> Box | None:
        """Return where the tray is, or None while no panel is up."""
        panels = self.windows(_PANEL)
        return self.window_box(panels[0]) if panels else None

    def tray_count(self, colour: str) -> int:
        """Return how many pixels of the tray have exactly `colour`; 0 without a tray."""
        box = self.tray_box()
        return self.count(colour, box) if box else 0

    def tray_centre(self) -> tuple[int, int]:
        """Return the middle of the tray, which is the icon's while it is the only one.

        Raises:
            AssertionError: No panel is up.
        """
        box = self.tray_box()
        assert box is not None, "no tray host on this display"
        return (box[0] + box[2]) // 2, (box[1] + box[3]) // 2


def start_xvfb(width: int = 1280, height: int = 800) -> XServer:
    """Start a virtual screen on a display number of its own choice; ready when this returns.

    Raises:
        AssertionError: It did not come up in 20 s.
    """
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            [*_TIED, "Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24",
             "-nolisten", "tcp", "-noreset"],
            pass_fds=[writing],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
    finally:
        os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        number = pipe.readline().strip()  # ends by itself when Xvfb dies
    if not number:
        process.kill()
        process.wait()
        raise AssertionError("Xvfb did not start")
    return XServer(process, f":{number.decode()}")


def start_trayer(
    display: str, *, edge: str = "bottom", dark: bool = True, height: int = PANEL_HEIGHT
) -> TrayHost:
    """Start a panel that holds nothing but a tray; ready when this returns.

    Raises:
        AssertionError: It did not come up in 10 s.
    """
    tint = "0x202020" if dark else "0xf0f0f0"
    process = subprocess.Popen(
        [*_TIED, "trayer", "--edge", edge, "--align", "right", "--widthtype", "request",
         "--height", str(height), "--SetDockType", "true",
         "--transparent", "true", "--alpha", "0", "--tint", tint],
        env=os.environ | {"DISPLAY": display},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    host = TrayHost(process)
    try:
        wait_for(lambda: Screen(display).tray_box(), what="the tray host")
    except AssertionError:
        host.stop()
        raise
    return host


def start_bus() -> SessionBus:
    """Start a private session bus that activates nothing.

    Raises:
        AssertionError: It did not come up.
    """
    folder = tempfile.TemporaryDirectory(prefix="bus-")
    config = Path(folder.name) / "session.conf"
    config.write_text(_BUS_CONFIG.format(folder=folder.name), encoding="utf-8")
    process = subprocess.Popen(
        [*_TIED, "dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    address = process.stdout.readline().decode().strip()
    bus = SessionBus(process, address, folder)
    if not address:
        bus.stop()
        raise AssertionError("dbus-daemon did not start")
    return bus


class Desktop:
    """A screen, a tray host and a bus that belong together. Stopping twice is harmless."""

    def __init__(self, server: XServer, tray: TrayHost | None, bus: SessionBus) -> None:
        self.server = server
        self.tray = tray
        self.bus = bus
        self.screen = server.screen

    def env(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return an environment for a child that is to live on this desktop and no other."""
        env = dict(os.environ)
        for name in _FOREIGN:
            env.pop(name, None)
        env |= {
            "DISPLAY": self.server.display,
            "DBUS_SESSION_BUS_ADDRESS": self.bus.address,
            "QT_QPA_PLATFORM": "xcb",
            "XDG_SESSION_TYPE": "x11",
            "NO_AT_BRIDGE": "1",
        }
        return env | dict(more or {})

    def restart_tray(self) -> None:
        """Take the panel away, as a crash does, and start it again."""
        self.stop_tray()
        self.tray = start_trayer(self.server.display)

    def stop_tray(self) -> None:
        """Take the panel away."""
        if self.tray is not None:
            self.tray.stop()
            self.tray = None

    def stop(self) -> None:
        """End what was started here, in the right order."""
        self.stop_tray()
        self.bus.stop()
        self.server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start_desktop(
    *, tray: bool = True, dark: bool = True, width: int = 1280, height: int = 800
) -> Desktop:
    """Start a screen, a bus and, unless told otherwise, a tray host."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(start_xvfb(width, height))
        bus = stack.enter_context(start_bus())
        host = stack.enter_context(start_trayer(server.display, dark=dark)) if tray else None
        stack.pop_all()
    return Desktop(server, host, bus)


# A test run that is killed takes its desktop along (util-linux; it becomes the program it starts).
_TIED = ("setpriv", "--pdeathsig", "TERM") if shutil.which("setpriv") else ()
_PANEL = "^panel$"  # the title of trayer's window
_FOREIGN = (
    "WAYLAND_DISPLAY", "QT_SCALE_FACTOR", "QT_STYLE_OVERRIDE", "QT_QPA_PLATFORMTHEME",
    "XDG_CURRENT_DESKTOP", "DESKTOP_SESSION", "GTK_MODULES", "DBUS_SYSTEM_BUS_ADDRESS",
)  # fmt: skip
