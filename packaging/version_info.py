"""Writes what Windows shows under Properties > Details, in the form PyInstaller reads. UNTRIED."""

import re
from pathlib import Path
from typing import Final

_TEXT: Final = """\
VSVersionInfo(
  ffi=FixedFileInfo(filevers={numbers}, prodvers={numbers}, mask=0x3F, flags=0x0, OS=0x40004,
                    fileType=0x1, subtype=0x0, date=(0, 0)),
  kids=[
    StringFileInfo([StringTable('040904B0', [
      StringStruct('CompanyName', 'The wabot-tray authors'),
      StringStruct('FileDescription', 'wabot-tray'),
      StringStruct('FileVersion', '{version}'),
      StringStruct('InternalName', 'wabot-tray'),
      StringStruct('LegalCopyright', 'MIT licence'),
      StringStruct('OriginalFilename', 'wabot-tray.exe'),
      StringStruct('ProductName', 'wabot-tray'),
      StringStruct('ProductVersion', '{version}')])]),
    VarFileInfo([VarStruct('Translation', [0x0409, 1200])])
  ]
)
"""


def text(version: str) -> str:
    """Return the file's text; the version becomes four numbers, as Windows has them."""
    numbers = [int(number) for number in re.findall(r"\d+", version)[:4]]
    four = tuple([*numbers, 0, 0, 0, 0][:4])
    return _TEXT.format(numbers=four, version=version)


def write(version: str, target: Path) -> None:
    """Write the file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text(version), encoding="utf-8")
