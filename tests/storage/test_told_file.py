"""What was told is known after a restart; what cannot be read or kept stops nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from wabot_tray.storage.told_file import ToldFile

TOLD = {("rosa", "logged-out"): datetime(2026, 11, 20, 17, tzinfo=UTC)}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "notifications.json"
    assert ToldFile(path).load() == {}
    ToldFile(path).save(TOLD)
    assert ToldFile(path).load() == TOLD
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"version": 9}', '{"version": 1, "told": [{"account": "a"}]}',
     '{"version": 1, "told": [{"account": "a", "mark": "b", "at": "2026-11-20T17:00:00"}]}'],
)  # fmt: skip
def test_broken_file_is_forgotten_without_a_fault(tmp_path: Path, content: str) -> None:
    path = tmp_path / "notifications.json"
    path.write_text(content, encoding="utf-8")
    assert ToldFile(path).load() == {}


def test_disk_that_refuses_is_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    ToldFile(tmp_path / "file" / "notifications.json").save(TOLD)
    assert "not kept" in caplog.text
