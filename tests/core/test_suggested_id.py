"""The short name made from what a person calls an account."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wabot_tray.core.accounts import checked_id, suggested_id


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Mi tienda", "mi-tienda"),
        ("Panadería El Señor Núñez", "panaderia-el-senor-nunez"),
        ("  A & B / C  ", "a-b-c"),
        ("__x__", "x"),
        ("店", "account"),
        ("", "account"),
    ],
)
def test_label_becomes_an_id(label: str, expected: str) -> None:
    assert suggested_id(label) == expected


def test_id_that_is_taken_gets_a_number() -> None:
    assert suggested_id("Shop", {"shop"}) == "shop-2"
    assert suggested_id("Shop", {"shop", "shop-2"}) == "shop-3"


@given(st.text(max_size=200), st.sets(st.sampled_from(["account", "a", "a-2", "b"])))
def test_every_suggestion_is_a_good_id_and_free(label: str, taken: set[str]) -> None:
    found = suggested_id(label, taken)
    assert checked_id(found) == found
    assert found not in taken
