"""Flask without domain: sessions, errors, languages, formatting, menu. Only `web` rooms import it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.shell import (
    accounting,
    assets,
    errors,
    formatting,
    health,
    language,
    navigation,
    security,
    session,
)
from servicedesk.shell.charts import showing

if TYPE_CHECKING:
    from flask import Flask

    from config import Settings
    from servicedesk.shell.session import LoadPerson


def install_shell(app: Flask, settings: Settings, load_person: LoadPerson) -> None:
    """Install everything that surrounds the pages; the order of the hooks matters."""
    accounting.install(app, settings)
    security.install(app, settings)
    session.install(app, load_person)
    language.install(app)
    formatting.install(app)
    navigation.install(app)
    assets.install(app)
    showing.install(app)
    errors.install(app)
    app.register_blueprint(health.blueprint)
