"""What the rules' window says of faults, of rules in a list, and of who answers or does not."""

import re
from typing import Final

from wabot_tray.bot.matching import Find
from wabot_tray.bot.rulebook import Verdict
from wabot_tray.bot.ruledraft import RuleDraft
from wabot_tray.core.errors import BotFileError
from wabot_tray.system.i18n import sentence, t

_LINE: Final = re.compile(r"^\w+ \d+: ")
_EMPTY: Final = {
    "words": "rules.fault_words",
    "match": "rules.fault_words",
    "reply": "rules.fault_reply",
    "closed": "rules.fault_reply",
    "accounts": "rules.fault_accounts",
    "from": "rules.fault_times",
    "to": "rules.fault_times",
}
VERDICTS: Final = {
    Verdict.ANSWERS: "rules.verdict_answers",
    Verdict.OFF: "rules.verdict_off",
    Verdict.OTHER_ACCOUNT: "rules.verdict_other_account",
    Verdict.SHOP_OPEN: "rules.verdict_shop_open",
    Verdict.SHOP_CLOSED: "rules.verdict_shop_closed",
    Verdict.OTHER_TIME: "rules.verdict_other_time",
    Verdict.NO_MATCH: "rules.verdict_no_match",
    Verdict.RESTS: "rules.verdict_rests",
    Verdict.TOO_SLOW: "rules.verdict_too_slow",
    Verdict.LATER: "rules.verdict_later",
    Verdict.NOT_TRIED: "rules.verdict_not_tried",
}


def fault_text(fault: BotFileError) -> str:
    """Return what is wrong, for somebody who looks at the form and not at the file."""
    if fault.message_key in {"error.bot_empty", "error.bot_missing"}:
        key = _EMPTY.get(str(fault.params.get("key")))
        if key is not None:
            return t(key)
    if fault.message_key == "error.bot_name_twice":
        return t("rules.fault_twice", name=fault.params["name"])
    said = _LINE.sub("", sentence(fault))
    return said[:1].upper() + said[1:]


def title(draft: RuleDraft) -> str:
    """Return what the list calls a rule."""
    if draft.title:
        return draft.title
    is_every = draft.pattern is None and draft.find is Find.EVERY
    return t("rules.find_every") if is_every else t("rules.unnamed")


def summary(draft: RuleDraft) -> str:
    """Return in a line what a rule looks for and what it says."""
    if draft.pattern is not None:
        sought = draft.pattern
    elif draft.find is Find.EVERY:
        sought = t("rules.find_every")
    else:
        sought = (" + " if draft.find is Find.ALL else ", ").join(draft.words)
    return f"{_line(sought) or '…'}  →  {_line(draft.reply) or '…'}"


def _line(text: str) -> str:
    return " ".join(text.split())
