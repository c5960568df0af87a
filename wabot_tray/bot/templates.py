"""Rules to start from, as a shop would want them, in the person's language."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from wabot_tray.bot.matching import Find
from wabot_tray.bot.rule_document import RuleDocument
from wabot_tray.bot.rule_file import RuleFile
from wabot_tray.bot.ruledraft import Draft, FallbackDraft, HoursDraft, RuleDraft
from wabot_tray.system.i18n import language, t

OPENS: Final = "09:00"
CLOSES: Final = "18:00"
WORKING_DAYS: Final = (0, 1, 2, 3, 4)


class Template(StrEnum):
    """What a template is for."""

    GREETING = "greeting"
    PRICES = "prices"
    OPENING = "opening"
    THANKS = "thanks"
    AWAY = "away"  # while the shop is closed
    ANYTHING = "anything"  # where no rule matches


# The names that the examples and these templates give their rules, in every language.
_NAMES: Final = {
    Template.GREETING: ("greeting", "saludo"),
    Template.PRICES: ("prices", "precios"),
    Template.OPENING: ("opening hours", "horario"),
    Template.THANKS: ("thanks", "gracias"),
}
_ONCE: Final = {Template.GREETING: "12h", Template.THANKS: "12h"}


def suggested_reply(template: Template, shop: str = "") -> str:
    """Return a template's reply in the language in use; `shop` is its name, may be empty."""
    if template is Template.GREETING and shop.strip():
        name = shop.strip().replace("{", "{{").replace("}", "}}")
        return t("template.greeting_of.reply", shop=name, name="{name}")
    return t(f"template.{template}.reply")


def made(template: Template, shop: str = "") -> Draft:
    """Return a template in the language in use."""
    reply = suggested_reply(template, shop)
    if template is Template.AWAY:
        days = frozenset(WORKING_DAYS)
        return HoursDraft(days=days, periods=((OPENS, CLOSES),), closed=reply, once_per="4h")
    if template is Template.ANYTHING:
        return FallbackDraft(reply=reply, once_per="12h")
    return RuleDraft(
        name=t(f"template.{template}.name"),
        words=tuple(t(f"template.{template}.words").split(", ")),
        reply=reply,
        once_per=_ONCE.get(template, ""),
    )


def place_for(document: RuleDocument, template: Template) -> int:
    """Return where a template's rule belongs: a greeting after all that say more."""
    if template is not Template.GREETING:
        return 0
    rules = document.rules
    sure = (n for n, rule in enumerate(rules) if rule.pattern is None and rule.find is Find.EVERY)
    return next(sure, len(rules))


def with_template(  # noqa: PLR0913 - what the away reply needs comes by name
    document: RuleDocument,
    template: Template,
    *,
    shop: str = "",
    reply: str = "",
    opens: str = OPENS,
    closes: str = CLOSES,
    days: Sequence[int] = WORKING_DAYS,
) -> RuleDocument:
    """Return `document` with a template switched on; see `install_template`."""
    draft = made(template, shop)
    match draft:
        case HoursDraft():
            closed = reply or (document.hours.closed if document.hours else "") or draft.closed
            draft = replace(draft, days=frozenset(days), periods=((opens, closes),))
            return document.with_part(replace(draft, closed=closed))
        case FallbackDraft():
            return document.with_part(replace(draft, reply=reply or draft.reply))
        case RuleDraft():
            for number, rule in enumerate(document.rules):
                if rule.name in {*_NAMES[template], draft.name}:
                    found = replace(rule, enabled=True, reply=reply or rule.reply)
                    return document.with_rule(number, found)
            place = place_for(document, template)
            return document.with_new(place, replace(draft, reply=reply or draft.reply))
        case _:
            return document


def install_template(  # noqa: PLR0913 - what the away reply needs comes by name
    bot_file: Path,
    template: Template | str,
    *,
    shop: str = "",
    reply: str = "",
    opens: str = OPENS,
    closes: str = CLOSES,
    days: Sequence[int] = WORKING_DAYS,
) -> None:
    """Switch a template on in the rules' file; a rule of its name that is there is used.

    The file is made if it is missing. Remarks and other rules stay; running workers take the
    change up within two seconds. A second call changes the same rule.

    Args:
        bot_file: bot.toml.
        template: Which; the language in use is spoken.
        shop: The shop's name, for the greeting.
        reply: What to answer; empty for the rule's own, or the template's (`suggested_reply`).
            Braces that are no placeholder stand doubled.
        opens: For AWAY: when the shop opens, "09:00".
        closes: For AWAY: when it closes.
        days: For AWAY: the days it is open, 0 is Monday.

    Raises:
        BotFileError: The file has a mistake, or `reply` an unknown placeholder; nothing is changed.
        VaultError: The disk refuses.
    """
    file = RuleFile(bot_file, language())
    seen = file.signature()
    document = with_template(
        file.document(),
        Template(template),
        shop=shop,
        reply=reply,
        opens=opens,
        closes=closes,
        days=days,
    )
    file.save(document, seen, datetime.now(UTC))


def switch_off(bot_file: Path, template: Template | str) -> None:
    """Let a template's rule speak no longer; where there is none, nothing happens.

    Raises:
        BotFileError: The file has a mistake; nothing is changed.
        VaultError: The disk refuses.
    """
    file = RuleFile(bot_file, language())
    seen = file.signature()
    document = file.document()
    names = {*_NAMES[Template(template)], t(f"template.{template}.name")}
    for number, rule in enumerate(document.rules):
        if rule.name in names and rule.enabled:
            file.save(
                document.with_rule(number, replace(rule, enabled=False)), seen, datetime.now(UTC)
            )
            return
