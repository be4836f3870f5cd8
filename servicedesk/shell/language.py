"""The reader's language and time zone."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import Blueprint, g, redirect, request, session, url_for
from flask_babel import Babel, format_date, format_decimal, gettext

from servicedesk.core.text import Text, Verbatim
from servicedesk.shell.formatting import instant
from servicedesk.shell.session import safe_next

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask
    from flask.typing import ResponseReturnValue

LANGUAGES = {"es": "Español", "en": "English"}
DEFAULT_ZONE = "Europe/Madrid"

blueprint = Blueprint("language", __name__)


def install(app: Flask) -> None:
    """Choose language and zone for each request, and give templates the filter `t`."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = f"{app.root_path}/translations"
    app.config["BABEL_DEFAULT_LOCALE"] = "es"
    Babel(app, locale_selector=chosen_language, timezone_selector=chosen_zone)
    app.jinja_env.filters["t"] = translate
    app.jinja_env.globals["options"] = options
    app.jinja_env.globals["languages"] = LANGUAGES
    app.jinja_env.globals["chosen_language"] = chosen_language
    app.register_blueprint(blueprint)


def chosen_language() -> str:
    """Return what was chosen here, else the person's own, else the browser's best, else Spanish."""
    chosen = session.get("language") if request else None
    if chosen in LANGUAGES:
        return str(chosen)
    person = g.get("person")
    if person is not None:
        return str(person.language)
    return request.accept_languages.best_match(list(LANGUAGES), "es") if request else "es"


def chosen_zone() -> str:
    """Return the person's time zone."""
    person = g.get("person")
    return str(person.time_zone) if person is not None else DEFAULT_ZONE


def instant_of(typed: datetime | None) -> datetime | None:
    """Return the instant of what somebody typed as local time, in their zone."""
    return typed.replace(tzinfo=ZoneInfo(chosen_zone())) if typed else None


def translate(text: Text | str | None) -> str:
    """Return a marked text in the reader's language; its own words and days are told in it too."""
    if not text:
        return ""
    if isinstance(text, str):
        return _word(text)
    values = {name: _told(value) for name, value in text.values.items()}
    sentence = gettext(text.msgid)
    return str(sentence % values) if values else str(sentence)


def _told(value: object) -> object:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return format_date(value, "medium")
    if isinstance(value, Decimal):
        return format_decimal(value)
    return translate(value) if isinstance(value, (str, Text)) else value


def _word(word: str) -> str:
    return str(word) if isinstance(word, Verbatim) or not word else str(gettext(word))


def options(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return values with their words in the reader's language, for a list to choose from."""
    return [(str(value), translate(label)) for value, label in labels.items()]


@blueprint.post("/language")
def choose() -> ResponseReturnValue:
    """Remember a language for this browser."""
    if request.form.get("language") in LANGUAGES:
        session["language"] = request.form["language"]
    return redirect(safe_next(request.form.get("next")) or url_for("front"))
