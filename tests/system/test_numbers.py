"""Numbers as people type them: what is taken, what is refused and with which sentence."""

import subprocess
import sys

import phonenumbers
import pytest

from wabot_tray.core.errors import NumberError
from wabot_tray.system import numbers
from wabot_tray.system.i18n import set_language, t


@pytest.mark.parametrize(
    ("text", "region", "digits", "shown"),
    [
        ("600 111 222", "ES", "34600111222", "+34 600 11 12 22"),
        (" +34 600-11-12-22 ", "CO", "34600111222", "+34 600 11 12 22"),
        ("0034600111222", "DE", "34600111222", "+34 600 11 12 22"),
        ("(300) 123 4567", "CO", "573001234567", "+57 300 1234567"),
        ("011 15 2345-6789", "AR", "5491123456789", "+54 9 11 2345-6789"),
        ("55 1234 5678", "MX", "525512345678", "+52 55 1234 5678"),
        ("+52 1 55 1234 5678", "", "5215512345678", "+52 15512345678"),
        ("０６１２３４５６７８", "FR", "33612345678", "+33 6 12 34 56 78"),  # noqa: RUF001
    ],
)
def test_number_is_taken_as_its_country_or_the_world_writes_it(
    text: str, region: str, digits: str, shown: str
) -> None:
    found = numbers.checked(text, region)
    assert (found.digits, found.warning) == (digits, "")
    assert found.shown == shown
    assert digits not in repr(found)


@pytest.mark.parametrize(
    ("text", "region", "key"),
    [
        ("", "ES", "error.number_empty"),
        ("hola", "ES", "error.number_empty"),
        ("hola5", "ES", "error.number_letters"),
        ("600111222", "", "error.number_no_country"),
        ("+999 600111222", "ES", "error.number_country"),
        ("600 11 22", "ES", "error.number_short"),
        ("1", "ES", "error.number_short"),
        ("600 111 222 333", "ES", "error.number_long"),
        ("6" * 5000, "ES", "error.number_long"),
        ("+34", "", "error.number_short"),
    ],
)
def test_what_is_no_number_is_refused_with_its_sentence(text: str, region: str, key: str) -> None:
    with pytest.raises(NumberError) as refused:
        numbers.checked(text, region)
    assert refused.value.message_key == key
    for language in ("en", "es"):
        set_language(language)
        assert t(key) != key
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "region", "warning"),
    [
        ("911 234 567", "ES", "number.not_mobile"),
        ("100 000 000", "ES", "number.unusual"),
        ("2015550123", "US", ""),  # mobile or not, nobody can tell
    ],
)
def test_odd_number_is_only_warned_of(text: str, region: str, warning: str) -> None:
    assert numbers.checked(text, region).warning == warning


@pytest.mark.parametrize(
    ("text", "region", "shown"),
    [
        ("600111", "ES", "600 11 1"),
        ("600111222", "ES", "600 11 12 22"),
        ("+573001234567", "ES", "+57 300 1234567"),
        ("12345", "", "12345"),
        ("", "ES", ""),
        ("6x0-0", "ES", "600"),
    ],
)
def test_number_is_spaced_as_it_is_typed(text: str, region: str, shown: str) -> None:
    assert numbers.as_typed(text, region) == shown


def test_country_of_an_international_number_is_known() -> None:
    assert numbers.region_in("+57 300") == "CO"
    assert numbers.region_in("+34600111222") == "ES"
    assert numbers.region_in("600111222") == ""
    assert numbers.region_in("+999123") == ""


def test_countries_are_sorted_by_name_in_both_languages() -> None:
    set_language("es")
    spanish = numbers.countries()
    names = [country.name for country in spanish]
    assert names.index("España") < names.index("Estados Unidos") < names.index("Estonia")
    assert next(c for c in spanish if c.region == "DE").name == "Alemania"
    set_language("en")
    english = {country.region: country for country in numbers.countries()}
    assert (english["DE"].name, english["DE"].code) == ("Germany", 49)
    assert len(english) == len(spanish) > 240


def test_every_country_of_the_library_has_names() -> None:
    assert set(numbers._names()) == set(phonenumbers.SUPPORTED_REGIONS)


@pytest.mark.parametrize(
    ("environ", "region"),
    [
        ({"LANG": "es_CO.UTF-8"}, "CO"),
        ({"LANG": "en_US.UTF-8", "LC_TELEPHONE": "es_MX.UTF-8"}, "MX"),
        ({"LC_ALL": "ca_ES.UTF-8@valencia", "LANG": "es_AR"}, "ES"),
        ({"LANG": "C.UTF-8"}, ""),
        ({"LANG": "es"}, ""),
        ({"LANG": "es_419.UTF-8"}, ""),
        ({}, ""),
    ],
)
def test_home_is_the_country_the_computer_is_set_to(environ: dict[str, str], region: str) -> None:
    assert numbers.home_region(environ, platform="linux") == region


def test_importing_the_module_does_not_load_the_library() -> None:
    look = "import sys, wabot_tray.system.numbers; print('phonenumbers' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "False"
