from dataclasses import replace
from pathlib import Path

import pytest

from wabot_tray.core.errors import SettingsError
from wabot_tray.core.settings import Settings
from wabot_tray.storage.settings_file import load_settings, save_settings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def test_settings_missing_file_gives_defaults(path: Path) -> None:
    assert load_settings(path) == Settings()


def test_settings_survive_saving_and_only_changes_are_written(path: Path) -> None:
    settings = replace(Settings(), language="es", check_interval_s=90.0, quiet_s=0.75)
    save_settings(path, settings)
    assert load_settings(path) == settings
    assert path.read_text() == 'check_interval_s = 90\nquiet_s = 0.75\nlanguage = "es"\n'


def test_settings_saving_keeps_comments_order_and_byte_order_mark_is_read(path: Path) -> None:
    text = '# mine\ntheme = "dark"  # at night\n\nverify_interval_s = 300\n'
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    settings = load_settings(path)
    assert settings.theme == "dark"
    save_settings(path, replace(settings, theme="light"))
    assert path.read_text() == text.replace('"dark"', '"light"')
    save_settings(path, replace(settings, theme="system"))
    assert load_settings(path).theme == "system"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'theme = "dark"\nlanguage = \n', 2),
        (b'theme = "dark', 1),
        (b"\n\n[", 3),
        (b'theme = "dark"\n# \xff\n', 2),
    ],
)
def test_settings_broken_file_names_line_and_is_left_alone(
    path: Path, content: bytes, line: int
) -> None:
    path.write_bytes(content)
    for call in (lambda: load_settings(path), lambda: save_settings(path, Settings())):
        with pytest.raises(SettingsError) as raised:
            call()
        assert raised.value.message_key == "error.settings_broken"
        assert raised.value.params["name"] == "settings.toml"
        assert int(str(raised.value.params["line"])) == line
    assert path.read_bytes() == content


def test_settings_refused_value_names_the_setting(path: Path) -> None:
    path.write_text("check_interval_s = 1")
    with pytest.raises(SettingsError) as raised:
        load_settings(path)
    assert raised.value.params["name"] == "check_interval_s"


def test_settings_that_cannot_be_opened(path: Path) -> None:
    path.mkdir()
    with pytest.raises(SettingsError, match="file_strange"):
        load_settings(path)
