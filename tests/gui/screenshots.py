"""Pictures of every window and every tray state, in two languages and two themes.

    python -m tests.gui.screenshots FOLDER [SCALE]

Each language and theme is a process of its own on a desktop of its own with a real panel. SCALE 2
is a screen of twice the density, as a system at 200 % has it.
"""

import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tests.desktop import start_desktop

LANGUAGES = ("en", "es")
THEMES = ("light", "dark")


def main(folder: Path, scale: int = 1) -> list[Path]:
    """Take all pictures and the sheet that shows them side by side; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        for theme in THEMES:
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
    pictures = sorted(p for p in folder.glob("*.png") if not p.name.startswith("all"))
    return [*pictures, *_sheets(folder, pictures)]


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
    for made in main(Path(sys.argv[1]), *map(int, sys.argv[2:3])):
        print(made)
