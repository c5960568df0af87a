"""Settings that change while the program runs, by itself or by hand."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from wabot_tray.control.preferences import Preferences
from wabot_tray.core.errors import SettingsError, VaultError
from wabot_tray.core.settings import Settings
from wabot_tray.storage.settings_file import load_settings


def write(path: Path, text: str) -> None:
    path.write_text(text)


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def remove(path: Path) -> None:
    path.unlink()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


@pytest.fixture
def told() -> list[Settings]:
    return []


@pytest.fixture
def preferences(path: Path, told: list[Settings]) -> Preferences:
    made = Preferences(path, Settings())
    made.subscribe(lambda: told.append(made.settings))
    return made


async def test_applied_settings_are_kept_used_and_told(
    preferences: Preferences, path: Path, told: list[Settings]
) -> None:
    wanted = Settings(language="es", check_interval_s=60)
    await preferences.apply(wanted)
    assert preferences.settings == wanted
    assert load_settings(path) == wanted
    assert told == [wanted]
    await preferences.apply(wanted)
    await preferences.look()  # our own writing is no change by hand
    assert told == [wanted]


async def test_refused_value_changes_nothing(
    preferences: Preferences, path: Path, told: list[Settings]
) -> None:
    with pytest.raises(SettingsError) as raised:
        await preferences.apply(Settings(check_interval_s=1))
    assert raised.value.params["name"] == "check_interval_s"
    assert (preferences.settings, told, read(path)) == (Settings(), [], "")


async def test_disk_that_refuses_changes_nothing(
    preferences: Preferences, path: Path, told: list[Settings]
) -> None:
    preferences.path = path / "gone" / "settings.toml"
    with pytest.raises(VaultError):
        await preferences.apply(Settings(theme="dark"))
    assert (preferences.settings, told) == (Settings(), [])
    assert preferences.problem is None


async def test_change_by_hand_is_used(
    preferences: Preferences, path: Path, told: list[Settings]
) -> None:
    write(path, 'theme = "dark"')
    await preferences.look()
    assert told == [Settings(theme="dark")]
    remove(path)
    await preferences.look()
    assert preferences.settings == Settings()


async def test_change_by_hand_and_ours_meet(preferences: Preferences, path: Path) -> None:
    write(path, '# mine\ntheme = "dark"\n')
    await preferences.apply(Settings(language="es"))
    assert preferences.settings == Settings(theme="dark", language="es")
    assert read(path).startswith("# mine\n")


async def test_file_broken_by_hand_is_told_left_alone_and_mended(
    preferences: Preferences, path: Path
) -> None:
    await preferences.apply(Settings(theme="dark"))
    write(path, 'theme = "dark\n')
    await preferences.look()
    assert preferences.settings == Settings(theme="dark")
    problem = preferences.problem
    assert problem is not None
    assert problem.params["line"] == 1
    with pytest.raises(SettingsError):
        await preferences.apply(Settings(theme="light"))
    assert read(path) == 'theme = "dark\n'
    write(path, 'theme = "light"\n')
    await preferences.look()
    assert (preferences.problem, preferences.settings) == (None, Settings(theme="light"))


async def test_file_broken_a_moment_ago_is_not_written_over(
    preferences: Preferences, path: Path, told: list[Settings]
) -> None:
    write(path, "check_interval_s = 1\n")
    with pytest.raises(SettingsError):
        await preferences.apply(Settings(theme="light"))
    assert preferences.problem is not None
    assert read(path) == "check_interval_s = 1\n"
    assert told == [Settings()]  # told of the problem


async def test_fresh_start_keeps_what_could_not_be_read(path: Path) -> None:
    write(path, "nonsense")
    settings = Settings(quiet_s=2.0)
    preferences = Preferences(path, settings, SettingsError("error.settings_broken", line=1))
    aside = await preferences.start_afresh()
    assert aside is not None
    assert read(aside) == "nonsense"
    assert preferences.problem is None
    assert load_settings(path) == settings
    assert await preferences.start_afresh() is None


async def test_two_changes_at_once_are_both_kept(preferences: Preferences, path: Path) -> None:
    both = (Settings(theme="dark"), Settings(language="es"))
    await asyncio.gather(*(preferences.apply(one) for one in both))
    assert load_settings(path) == preferences.settings == Settings(theme="dark", language="es")


async def test_listener_is_told_until_removed_and_may_fail(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    preferences = Preferences(path, Settings())
    heard: list[str] = []

    def fail() -> None:
        raise ValueError("no")

    preferences.subscribe(fail)
    forget = preferences.subscribe(lambda: heard.append(preferences.settings.theme))
    await preferences.apply(Settings(theme="dark"))
    forget()
    forget()
    await preferences.apply(replace(preferences.settings, theme="light"))
    assert heard == ["dark"]
    assert "a listener failed" in caplog.text
