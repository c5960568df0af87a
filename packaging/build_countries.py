"""Write resources/countries.json: the countries' names in our languages, from Unicode's CLDR.

    python packaging/build_countries.py

The library that knows phone numbers has such names too, but needs 9 s and 100 MB to read them. The
file is kept in the repository, and made anew when Babel or phonenumbers bring other countries.
"""

import json
from pathlib import Path

import phonenumbers
from babel import Locale

TARGET = Path(__file__).resolve().parents[1] / "resources" / "countries.json"


def main() -> None:
    """Write the file."""
    names = {language: Locale(language).territories for language in ("en", "es")}
    found = {
        region: {language: territories[region] for language, territories in names.items()}
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    }
    text = json.dumps(found, ensure_ascii=False, indent=0, sort_keys=True)
    TARGET.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
