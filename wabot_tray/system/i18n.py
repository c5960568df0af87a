"""Sentences in the person's language, by key, from the gettext catalogues in resources/locale.

English is a catalogue like Spanish, so that every text is found in one place. A key that no
catalogue has is shown as it is; a test makes sure that there is none.
"""

import gettext
import locale
import os
from typing import Final

from wabot_tray.core.errors import WabotError
from wabot_tray.system.paths import resource

LANGUAGES: Final = ("en", "es")
DOMAINS: Final = ("core", "gui", "cli")


class _Chosen:
    """The language in use; one per process, changed by `set_language` alone."""

    language = "en"
    texts: gettext.NullTranslations = gettext.NullTranslations()


def system_language() -> str:
    """Return the language this computer is set to, or English where we do not speak it."""
    named = [os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE")]
    first = next((value for value in named if value), "") or (locale.getlocale()[0] or "")
    return "es" if first.lower().startswith(("es", "spanish")) else "en"


def set_language(choice: str = "system") -> str:
    """Speak `choice` from now on ("system", "en" or "es") and return the language chosen."""
    language = system_language() if choice == "system" else choice
    texts: gettext.NullTranslations | None = None
    for domain in DOMAINS:
        found = gettext.translation(domain, resource("locale"), languages=[language], fallback=True)
        if texts is None:
            texts = found
        else:
            texts.add_fallback(found)
    _Chosen.language = language
    _Chosen.texts = texts if texts is not None else gettext.NullTranslations()
    return language


def language() -> str:
    """Return the language in use."""
    return _Chosen.language


def t(key: str, /, **params: object) -> str:
    """Return the sentence for `key`, its `{placeholders}` filled from `params`."""
    text = _Chosen.texts.gettext(key)
    # A key of another version, or of nobody, is no sentence: braces in it mean nothing.
    return text.format(**params) if params and text != key else text


def tn(key: str, count: int, /, **params: object) -> str:
    """Return the sentence for `count` things; `{count}` is filled by itself."""
    return _Chosen.texts.ngettext(key, key, count).format(count=count, **params)


def sentence(error: WabotError) -> str:
    """Return what `error` says to a person."""
    return t(error.message_key, **error.params)
