"""The wheel and the source distribution: complete, and of use where nothing else of ours is."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.e2e.harness import ROOT
from tests.packaging.built import build
from wabot_tray import __version__


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = build("python", tmp_path_factory.mktemp("dist"))
    return {"".join(path.suffixes[-2:]): path for path in made}


def wheel_of(built: dict[str, Path]) -> Path:
    (found,) = (path for path in built.values() if path.suffix == ".whl")
    return found


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_wheel_carries_every_module_and_resource(built: dict[str, Path]) -> None:
    inside = names(wheel_of(built))
    assert f"wabot_tray-{__version__}" in wheel_of(built).name
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "wabot_tray").rglob("*.py")}
    assert modules <= inside
    for path in (ROOT / "resources").rglob("*"):
        if path.is_file() and path.suffix != ".mo":
            assert str(Path("wabot_tray") / path.relative_to(ROOT)) in inside
    assert {
        f"wabot_tray/resources/locale/{language}/LC_MESSAGES/{domain}.mo"
        for language in ("en", "es")
        for domain in ("core", "gui", "cli")
    } <= inside


def test_source_distribution_builds_the_same_wheel(built: dict[str, Path], tmp_path: Path) -> None:
    (source,) = (path for path in built.values() if path.name.endswith(".tar.gz"))
    subprocess.run(["tar", "-xzf", source, "-C", tmp_path], check=True)
    (folder,) = tmp_path.iterdir()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "again")],
        cwd=folder,
        capture_output=True,
        check=True,
    )
    (again,) = (tmp_path / "again").glob("*.whl")
    assert names(again) == names(wheel_of(built))


def test_installed_wheel_runs_in_both_languages(built: dict[str, Path], tmp_path: Path) -> None:
    home = tmp_path / "environment"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps",
         "--no-index", "--disable-pip-version-check", str(wheel_of(built))],
        check=True,
    )  # fmt: skip
    # What it depends on is that of the lock file; our own checkout is not found this way.
    (site,) = home.glob("lib/python3.*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def said(*words: str, language: str = "en") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(home / "bin" / words[0]), *words[1:]],
            cwd=tmp_path,
            env={"HOME": str(tmp_path), "LANG": f"{language}_XX.UTF-8", "PATH": os.defpath},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    where = said("python", "-c", "import wabot_tray; print(wabot_tray.__file__)").stdout
    assert where.startswith(str(site))
    for command in ("wabot", "wabot-tray"):
        assert said(command, "--version").stdout == f"wabot-tray {__version__}\n"
    assert "The program is not running." in said("wabot", "status").stderr
    assert "El programa no está en marcha." in said("wabot", "status", language="es").stderr
    assert "en la bandeja" in said("wabot-tray", "--help", language="es").stdout
