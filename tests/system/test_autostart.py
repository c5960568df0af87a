"""Start at login: written, read back, and judged by the systems' own tools where there are any."""

import plistlib
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wabot_tray.system import autostart
from wabot_tray.system.autostart import Autostart, exec_value, exec_words, start_command
from wabot_tray.system.paths import DATA_DIR_VARIABLE

COMMAND = ["/opt/wabot tray/python", "-m", "wabot_tray", "--minimized"]
AWKWARD = [
    "/home/ana/mi carpeta/py",
    '/home/a"b/py',
    "/home/a'b/py",
    "/home/$HOME/`id`/py",
    "/home/100%/%u/py",
    "/home/a=b/py",
    "/home/back\\slash/py",
    "/home/Señora Ñandú/日本/py",
    "/home/a;b|c&d>e<f*g?h#i(j)~k/py",
    "/home/tab\there/py",
    "/home/end\\",
]


# --- Linux ------------------------------------------------------------------------------------


def linux(home: Path, command: list[str] | None = None, **environ: str) -> Autostart:
    return Autostart(command or COMMAND, platform="linux", environ=environ, home=home)


def entry(home: Path) -> Path:
    (path,) = (home / ".config" / "autostart").iterdir()
    return path


def validate(path: Path) -> None:
    command = ["desktop-file-validate", str(path)]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (judged.returncode, judged.stdout) == (0, "")


def test_linux_entry_is_written_read_back_and_removed(tmp_path: Path) -> None:
    item = linux(tmp_path)
    assert not item.is_enabled()
    assert not item.disable()
    assert item.enable()
    assert item.enable()
    assert item.is_enabled()
    validate(entry(tmp_path))
    assert not item.disable()
    assert not item.disable()
    assert list((tmp_path / ".config" / "autostart").iterdir()) == []


@pytest.mark.parametrize("program", AWKWARD)
def test_linux_entry_with_an_awkward_path_is_valid_and_runs_it(
    tmp_path: Path, program: str
) -> None:
    command = [program, "--minimized", "--data-dir", f"{program}/data dir"]
    assert linux(tmp_path, command).enable()
    validate(entry(tmp_path))


@pytest.mark.parametrize("name", ["plain", "a $b `c` \"d\" 'e' \\f ñ", '100% a=b $c "d" %u'])
def test_linux_entry_starts_the_program_with_its_words(tmp_path: Path, name: str) -> None:
    """GLib is what most desktops start programs with; here it starts a real one."""
    heard = tmp_path / "heard"
    program = tmp_path / name
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{heard}"\n')
    program.chmod(0o700)
    words = ["--x", "$HOME", "100%%u", 'q"q', "back\\slash", "ñ ñ", "", "`id`", "a=b"]
    assert linux(tmp_path, [str(program), *words]).enable()
    launch = ["gio", "launch", str(entry(tmp_path))]
    # The program inherits the pipes, so this waits for it too.
    launched = subprocess.run(launch, capture_output=True, text=True, check=False, timeout=30)
    assert (launched.returncode, launched.stderr) == (0, "")
    assert heard.read_text().split("\n")[:-1] == words


def test_linux_entry_lies_where_the_desktop_looks(tmp_path: Path) -> None:
    linux(tmp_path, XDG_CONFIG_HOME=str(tmp_path / "conf")).enable()
    assert (tmp_path / "conf" / "autostart" / "wabot-tray.desktop").exists()
    linux(tmp_path, XDG_CONFIG_HOME="relative").enable()  # the specification ignores those
    assert entry(tmp_path).name == "wabot-tray.desktop"


@pytest.mark.parametrize("line", ["Hidden=true", "X-GNOME-Autostart-enabled=false"])
def test_linux_entry_switched_off_by_the_desktop_is_off_until_enabled(
    tmp_path: Path, line: str
) -> None:
    item = linux(tmp_path)
    item.enable()
    path = entry(tmp_path)
    path.write_text(path.read_text().replace("X-GNOME-Autostart-enabled=true", line))
    assert not item.is_enabled()
    assert item.enable()


@pytest.mark.parametrize(
    "content", ["", "[Desktop Entry]\nExec=other\n", "[Other]\nExec=x", "\xff"]
)
def test_linux_entry_of_something_else_is_off_until_enabled(tmp_path: Path, content: str) -> None:
    item = linux(tmp_path)
    item.enable()
    entry(tmp_path).write_text(content, encoding="latin-1")
    assert not item.is_enabled()
    assert item.enable()


def test_linux_entry_names_the_program_to_try(tmp_path: Path) -> None:
    linux(tmp_path, ["/opt/a\\b c/py", "-m", "x"]).enable()
    assert "TryExec=/opt/a\\\\b c/py\n" in entry(tmp_path).read_text()


def test_each_data_folder_has_an_entry_of_its_own(tmp_path: Path) -> None:
    one = linux(tmp_path, [*COMMAND, "--data-dir", "/one"])
    two = linux(tmp_path, [*COMMAND, "--data-dir", "/two"])
    one.enable()
    two.enable()
    assert not one.disable()
    assert two.is_enabled()


def test_entry_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / ".config" / "autostart" / "wabot-tray.desktop" / "x").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        linux(tmp_path).enable()
    assert len(list((tmp_path / ".config" / "autostart").iterdir())) == 1


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1))
def test_exec_value_of_any_command_reads_back(command: list[str]) -> None:
    assert exec_words(exec_value(command)) == command
    assert autostart._read_entry(
        f"[Desktop Entry]\nExec={autostart._escaped(exec_value(command))}\n"
    )["Exec"] == exec_value(command)  # fmt: skip


# --- macOS ------------------------------------------------------------------------------------


def mac(home: Path, command: list[str] | None = None) -> Autostart:
    return Autostart(command or COMMAND, platform="darwin", environ={}, home=home)


@pytest.mark.parametrize("program", AWKWARD)
def test_mac_agent_is_written_read_back_and_removed(tmp_path: Path, program: str) -> None:
    item = mac(tmp_path, [program, "--minimized"])
    assert not item.is_enabled()
    assert item.enable()
    assert item.enable()
    path = tmp_path / "Library" / "LaunchAgents" / "wabot-tray.plist"
    agent = plistlib.loads(path.read_bytes())
    assert agent["Label"] == "wabot-tray"
    assert agent["ProgramArguments"] == [program, "--minimized"]
    assert agent["RunAtLoad"] is True
    assert not item.disable()
    assert not item.disable()
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no plist",
        b"<plist><dict>",
        plistlib.dumps(["a list"]),
        plistlib.dumps({"ProgramArguments": COMMAND, "RunAtLoad": True, "Disabled": True}),
        plistlib.dumps({"ProgramArguments": ["other"], "RunAtLoad": True}),
        plistlib.dumps({"ProgramArguments": COMMAND}),
    ],
)
def test_mac_agent_that_starts_nothing_of_ours_is_off_until_enabled(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "Library" / "LaunchAgents" / "wabot-tray.plist"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert not mac(tmp_path).is_enabled()
    assert mac(tmp_path).enable()


# --- Windows ----------------------------------------------------------------------------------


class FakeKey:
    def __init__(self, values: dict[str, tuple[Any, int]]) -> None:
        self.values = values

    def __enter__(self) -> "FakeKey":
        return self

    def __exit__(self, *_: object) -> None:
        pass


class FakeRegistry(types.ModuleType):
    """The five calls of winreg that are used, with its errors."""

    HKEY_CURRENT_USER, KEY_SET_VALUE, REG_SZ = 1, 2, 1

    def __init__(self) -> None:
        super().__init__("winreg")
        self.keys: dict[str, dict[str, tuple[Any, int]]] = {}

    def CreateKey(self, _root: int, path: str) -> FakeKey:  # noqa: N802 - winreg's name
        return FakeKey(self.keys.setdefault(path, {}))

    def OpenKey(self, _root: int, path: str, _zero: int = 0, _access: int = 0) -> FakeKey:  # noqa: N802
        if path not in self.keys:
            raise FileNotFoundError(2, "no such key")
        return FakeKey(self.keys[path])

    def QueryValueEx(self, key: FakeKey, name: str) -> tuple[Any, int]:  # noqa: N802
        if name not in key.values:
            raise FileNotFoundError(2, "no such value")
        return key.values[name]

    def SetValueEx(self, key: FakeKey, name: str, _zero: int, kind: int, value: Any) -> None:  # noqa: N802
        key.values[name] = (value, kind)

    def DeleteValue(self, key: FakeKey, name: str) -> None:  # noqa: N802
        if name not in key.values:
            raise FileNotFoundError(2, "no such value")
        del key.values[name]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    fake = FakeRegistry()
    monkeypatch.setitem(sys.modules, "winreg", fake)
    return fake


def windows(command: list[str] | None = None) -> Autostart:
    return Autostart(command or COMMAND, platform="win32", environ={}, home=Path("/"))


def test_windows_value_is_written_read_back_and_removed(registry: FakeRegistry) -> None:
    item = windows(["C:\\Program Files\\wabot\\w.exe", "--data-dir", "D:\\a b\\", 'q"q'])
    assert not item.is_enabled()
    assert not item.disable()
    assert item.enable()
    assert item.enable()
    ((name, (line, kind)),) = registry.keys[autostart._RUN_KEY].items()
    assert name.startswith("wabot-tray-")
    assert line == '"C:\\Program Files\\wabot\\w.exe" --data-dir "D:\\a b\\\\" q\\"q'
    assert kind == registry.REG_SZ
    assert not item.disable()
    assert not item.disable()
    assert registry.keys[autostart._RUN_KEY] == {}


@pytest.mark.parametrize(
    ("noted", "is_enabled"),
    [(b"\x03" + bytes(11), False), (b"\x02" + bytes(11), True), (b"", True), ("text", True)],
)
def test_windows_value_switched_off_in_the_task_manager_is_off_until_enabled(
    registry: FakeRegistry, noted: object, is_enabled: bool
) -> None:
    item = windows()
    item.enable()
    registry.keys[autostart._APPROVED_KEY] = {"wabot-tray": (noted, 3)}
    assert item.is_enabled() is is_enabled
    assert item.enable()


def test_windows_value_of_another_command_is_off(registry: FakeRegistry) -> None:
    registry.keys[autostart._RUN_KEY] = {"wabot-tray": ("other.exe", 1)}
    assert not windows().is_enabled()


# --- the command ------------------------------------------------------------------------------


@pytest.fixture
def default_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(DATA_DIR_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    return tmp_path / "share" / "wabot-tray"


@pytest.mark.usefixtures("default_data")
def test_start_command_names_the_data_folder_only_where_it_is_another(
    tmp_path: Path, default_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = [sys.executable, "-m", "wabot_tray", "--minimized"]
    assert start_command(platform="linux") == plain
    assert start_command(default_data, platform="linux") == plain
    other = tmp_path / "otra carpeta"
    assert start_command(other, platform="linux") == [*plain, "--data-dir", str(other)]
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(other))
    assert start_command(platform="linux") == [*plain, "--data-dir", str(other)]


@pytest.mark.usefixtures("default_data")
@pytest.mark.parametrize("suffix", ["", ".exe"])
@pytest.mark.parametrize("asked_by", ["wabot-tray", "wabot"])
def test_start_command_of_the_bundle_is_the_program_whoever_asks(
    asked_by: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / f"{asked_by}{suffix}"))
    assert start_command() == [str(tmp_path / f"wabot-tray{suffix}"), "--minimized"]


@pytest.mark.usefixtures("default_data")
def test_start_command_on_windows_opens_no_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python.exe"))
    assert start_command(platform="win32")[0] == str(tmp_path / "python.exe")
    (tmp_path / "pythonw.exe").touch()
    assert start_command(platform="win32")[0] == str(tmp_path / "pythonw.exe")


@pytest.mark.usefixtures("default_data")
def test_autostart_without_arguments_is_for_this_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert Autostart(platform="linux").enable()
    text = (tmp_path / "autostart" / "wabot-tray.desktop").read_text()
    assert f"{sys.executable} -m wabot_tray --minimized" in text
    assert [path.name for path in (tmp_path / "autostart").iterdir()] == ["wabot-tray.desktop"]
