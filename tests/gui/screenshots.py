"""Pictures of every window and every tray state, in two languages and two themes.

    python -m tests.gui.screenshots FOLDER [SCALE]
    python -m tests.gui.screenshots --docs

Each language and theme is a process of its own on a desktop of its own with a real panel. SCALE 2
is a screen of twice the density, as a system at 200 % has it. With --docs the pictures that some
document shows are taken anew, small and light, and all others are removed from docs/images.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tests.desktop import start_desktop
from tests.docs import reading

LANGUAGES = ("en", "es")
THEMES = ("light", "dark")
_COLOURS = 128  # of a picture in a document: nobody sees the difference, and it is a third as large


def main(folder: Path, scale: int = 1) -> list[Path]:
    """Take all pictures and the sheet that shows them side by side; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        for theme in THEMES:
            _take(folder, language, theme, scale)
    pictures = sorted(p for p in folder.glob("*.png") if not p.name.startswith("all"))
    return [*pictures, *_sheets(folder, pictures)]


def for_documents() -> list[Path]:
    """Take the pictures that documents show; return their paths.

    Raises:
        FileNotFoundError: A document shows one that nobody takes.
    """
    wanted = reading.pictures()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for language in LANGUAGES:
            _take(folder, language, "light", 1)
        made = {target: _small(folder / _taken_as(target)) for target in sorted(wanted)}
    for old in reading.IMAGES.glob("*.png"):
        if old.name not in wanted:
            old.unlink()
    for target, picture in made.items():
        picture.save(reading.IMAGES / target, optimize=True)
    return [reading.IMAGES / target for target in made]


def _taken_as(target: str) -> str:
    """Return what the photographer calls "dashboard-en.png", which is light, and an icon."""
    stem = Path(target).stem
    return target if stem.rpartition("-")[2] not in LANGUAGES else f"{stem}-light.png"


def _small(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        if opened.mode == "RGBA" and opened.getchannel("A").getextrema() != (255, 255):
            return opened.copy()  # an icon: small as it is, and see-through
        return opened.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)


def _take(folder: Path, language: str, theme: str, scale: int) -> None:
    """Have the photographer take all pictures of one language and theme."""
    is_dark = theme == "dark"
    with start_desktop(dark=is_dark, width=1280 * scale, height=800 * scale) as desktop:
        subprocess.run(
            [sys.executable, "-m", "tests.gui.photographer", str(folder), language, theme],
            env=desktop.env(
                {"LANG": f"{language}_US.UTF-8", "TZ": "America/Bogota"}
                | {"QT_SCALE_FACTOR": str(scale)}
            ),
            check=True,
            timeout=180,
        )


def _sheets(folder: Path, pictures: list[Path]) -> list[Path]:
    """Put small copies of all pictures on one sheet."""
    width, height, columns = 300, 224, 12
    rows = (len(pictures) + columns - 1) // columns
    sheet = Image.new("RGB", (width * columns, height * rows), "#808890")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, path in enumerate(pictures):
        x, y = number % columns * width, number // columns * height
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        picture.thumbnail((width - 16, height - 40), Image.Resampling.LANCZOS)
        sheet.paste(picture, (x + 8, y + 28))
        draw.text((x + 8, y + 7), path.stem, fill="white", font=font)
    target = folder / "all.png"
    sheet.save(target)
    return [target]


if __name__ == "__main__":
    is_for_documents = sys.argv[1] == "--docs"
    taken = (
        for_documents() if is_for_documents else main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
    )
    for one in taken:
        print(one)
