"""A phone that gave no sign of life for twelve days is said, and its sign is heard."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.harness import Shop, until
from tests.simulator.people import Customer
from tests.simulator.phone import Phone

pytestmark = [pytest.mark.e2e, pytest.mark.slow]  # it looks every ten seconds


def test_silent_phone_is_said_until_it_writes_or_confirms(
    shop: Shop, phone: Phone, ana: Customer
) -> None:
    shop.data.mkdir(parents=True, exist_ok=True)
    (shop.data / "settings.toml").write_text("check_interval_s = 5\n", encoding="utf-8")
    shop.running().pair(phone)
    ana.send(phone, "question")
    ana.wait_for_replies(1, 15)
    shop.quit()
    path = shop.data / "accounts.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    now = datetime.now(UTC)
    account = values["accounts"][0]
    account["phone_seen"] = (now - timedelta(days=12, hours=1)).isoformat()
    account["phone_owes"] = (now - timedelta(days=9)).isoformat()
    path.write_text(json.dumps(values), encoding="utf-8")

    def kept() -> dict[str, str | None]:
        found: dict[str, str | None] = json.loads(path.read_text(encoding="utf-8"))["accounts"][0]
        return found

    shop.running()
    until(lambda: "alert, phone: shop" in shop.log(), "the word that the phone is silent", 40)
    assert kept()["phone_owes"] is not None
    shop.until_state("connected")
    phone.confirm(phone.companions[0], phone.copies[-1].message_id)
    until(lambda: kept()["phone_owes"] is None, "the phone's sign of life", 30)
    seen = datetime.fromisoformat(str(kept()["phone_seen"]))
    assert abs(datetime.now(UTC) - seen) < timedelta(minutes=2)
