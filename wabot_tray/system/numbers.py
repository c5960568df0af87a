"""Phone numbers as people write them, and what WhatsApp wants: digits, led by the country's code.

`phonenumbers` knows how each country writes them. It is loaded at the first use and not before:
0.1 s and 10 MB that only linking by number needs. Nothing here keeps or logs a number.
"""

import json
import locale
import os
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from wabot_tray.core.errors import NumberError
from wabot_tray.system.i18n import language
from wabot_tray.system.paths import resource

_VARIABLES: Final = ("LC_ALL", "LC_TELEPHONE", "LC_ADDRESS", "LC_MESSAGES", "LANG")
# WhatsApp still knows many Mexican numbers with the 1 that was dialled before mobile ones.
_MEXICO: Final = 52
_MEXICAN_MOBILE: Final = "1"
_MEXICAN_LENGTH: Final = 11  # with that 1
# phonenumbers.ValidationResult and NumberParseException, which are not loaded here
_IMPOSSIBLE: Final = {
    1: "error.number_country",
    3: "error.number_long",
    5: "error.number_long",  # between two lengths that there are
}
_LONGEST: Final = 40  # characters anybody would type


@dataclass(frozen=True, slots=True)
class Country:
    """A country that has phone numbers."""

    region: str  # two letters
    name: str
    code: int  # what leads its numbers


@dataclass(frozen=True, slots=True)
class CheckedNumber:
    """A number that can be asked for."""

    digits: str = field(repr=False)  # international form, without a sign
    shown: str = field(repr=False)  # as it is written in the whole world
    region: str = ""
    warning: str = ""  # the key of a sentence, where something is odd


def checked(text: str, region: str = "") -> CheckedNumber:
    """Return the number in `text`, written in the national or the international way.

    Args:
        text: As it was typed.
        region: The country a national number belongs to; "" where nobody has said.

    Raises:
        NumberError: It is none; the error's sentence says what is wrong.
    """
    import phonenumbers as pn  # noqa: PLC0415 - see above

    text = text.strip()
    if not any(char.isdigit() for char in text):
        raise NumberError("error.number_empty")
    try:
        number = pn.parse(text[:_LONGEST], region or None)
    except pn.NumberParseException as err:
        raise NumberError(_unread(err.error_type, text, region)) from err
    found = pn.region_code_for_number(number) or region
    shown = pn.format_number(number, pn.PhoneNumberFormat.INTERNATIONAL)
    national = str(number.national_number)
    digits = f"{number.country_code}{national}"
    if _is_old_mexican(number.country_code, national):
        return CheckedNumber(digits, shown, found)
    reason = pn.is_possible_number_with_reason(number)
    if reason != pn.ValidationResult.IS_POSSIBLE:
        raise NumberError(_IMPOSSIBLE.get(reason, "error.number_short"))
    kind = pn.number_type(number)
    warning = ""
    if kind == pn.PhoneNumberType.UNKNOWN:
        warning = "number.unusual"
    elif kind not in {pn.PhoneNumberType.MOBILE, pn.PhoneNumberType.FIXED_LINE_OR_MOBILE}:
        warning = "number.not_mobile"
    return CheckedNumber(
        pn.format_number(number, pn.PhoneNumberFormat.E164)[1:], shown, found, warning
    )


def as_typed(text: str, region: str) -> str:
    """Return `text` with the spaces its country would write, as far as it was typed."""
    import phonenumbers as pn  # noqa: PLC0415 - see above

    formatter = pn.AsYouTypeFormatter(region or "ZZ")
    shown = ""
    for char in text[:_LONGEST]:
        if char.isdigit() or (char == "+" and not shown):
            shown = formatter.input_digit(unicodedata.normalize("NFKC", char))
    return shown


def region_in(text: str) -> str:
    """Return the country of a number that says so itself, like +57…, or ""."""
    import phonenumbers as pn  # noqa: PLC0415 - see above

    try:
        number = pn.parse(text[:_LONGEST], None)
    except pn.NumberParseException:
        return ""
    found = pn.region_code_for_number(number)
    if not found and number.country_code is not None:
        found = pn.region_code_for_country_code(number.country_code)
    return found if found is not None and found in _names() else ""


def example(region: str) -> str:
    """Return how a mobile number of a country looks, or ""."""
    import phonenumbers as pn  # noqa: PLC0415 - see above

    number = pn.example_number_for_type(region, pn.PhoneNumberType.MOBILE) if region else None
    return pn.format_number(number, pn.PhoneNumberFormat.NATIONAL) if number is not None else ""


def countries() -> tuple[Country, ...]:
    """Return every country, sorted by its name in the person's language."""
    return _countries(language())


def home_region(environ: Mapping[str, str] | None = None, *, platform: str = sys.platform) -> str:
    """Return the country this computer is set to, two letters, or "" where it does not say."""
    environ = os.environ if environ is None else environ
    if platform == "win32":
        return _windows_region()
    named = [environ.get(name, "") for name in _VARIABLES]
    if platform == "darwin":
        named.append(locale.getlocale()[0] or "")
    for value in named:
        _, _, territory = value.partition(".")[0].partition("@")[0].partition("_")
        if territory.upper() in _names():
            return territory.upper()
    return ""


def _windows_region() -> str:
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415 - Windows only

        found = ctypes.create_unicode_buffer(16)
        size = ctypes.windll.kernel32.GetUserDefaultGeoName(found, len(found))
        if size and found.value in _names():
            return found.value
    return ""


def _is_old_mexican(code: int | None, national: str) -> bool:
    is_long = len(national) == _MEXICAN_LENGTH and national.startswith(_MEXICAN_MOBILE)
    return code == _MEXICO and is_long


def _unread(kind: int, text: str, region: str) -> str:
    import phonenumbers as pn  # noqa: PLC0415 - see above

    match kind:
        case pn.NumberParseException.INVALID_COUNTRY_CODE:
            lacks = not region and not text.startswith("+")
            return "error.number_no_country" if lacks else "error.number_country"
        case pn.NumberParseException.TOO_LONG:
            return "error.number_long"
        case pn.NumberParseException.NOT_A_NUMBER:
            has_letters = any(char.isalpha() for char in text)
            return "error.number_letters" if has_letters else "error.number_short"
        case _:
            return "error.number_short"


@cache
def _names() -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(
        resource("countries.json").read_text(encoding="utf-8")
    )
    return found


@cache
def _countries(spoken: str) -> tuple[Country, ...]:
    import phonenumbers as pn  # noqa: PLC0415 - see above

    made = [
        Country(region, names[spoken], pn.country_code_for_region(region))
        for region, names in _names().items()
    ]
    return tuple(sorted(made, key=lambda country: _plain(country.name)))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
