"""The composition root: the only module that imports everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

from config import ROOT
from servicedesk import cli, mounting, registry
from servicedesk.clients.actors import person_for_session
from servicedesk.core import database, metrics
from servicedesk.core.embedded_postgres import database_url
from servicedesk.core.links import LINK
from servicedesk.shell import install_shell, mail

if TYPE_CHECKING:
    from config import Settings


def create_app(settings: Settings, *, url: str | None = None) -> Flask:
    """Build the desk; `url` names another database than the settings do."""
    app = Flask(
        "servicedesk",
        root_path=str(ROOT),
        template_folder="templates",
        static_folder="static",
        instance_path=str(settings.instance),
    )
    configure(app, settings, url or database_url(settings))
    install_database(app)
    with app.app_context():
        metrics.watch_pool(database.session().get_bind().engine.pool)
    registry.listen()
    registry.connect(settings)
    install_shell(app, settings, person_for_session)
    mail.install(app, settings)
    app.jinja_env.globals["public_url"] = settings.public_url
    mounting.mount(app, settings)
    cli.mount(app, settings)
    return app


def configure(app: Flask, settings: Settings, url: str) -> None:
    """Translate our settings into what Flask and its extensions read."""
    app.config.from_mapping(
        SECRET_KEY=settings.secret_key,
        SETTINGS=settings,
        SQLALCHEMY_DATABASE_URI=url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_size": 8,
            "max_overflow": 8,
            # one round trip each time, and after a restart of the database no request finds a
            # connection of before; see decision 0029
            "pool_pre_ping": True,
            "pool_recycle": 1800,
            "pool_timeout": 5,
            # an error of the database goes into a log: without the values that caused it
            "hide_parameters": True,
            # a query nobody waits for any more must not hold a connection for ever
            # nor a process that was stopped amid a transaction the rows it has locked;
            # and a search is planned for its words: a plan for any words reads the whole table
            "connect_args": LINK
            | {
                # a database that is away, or a network that swallows: said within 5 seconds
                "connect_timeout": 2,
                "tcp_user_timeout": 3000,
                "options": "-c statement_timeout=60000 -c timezone=UTC"
                " -c idle_in_transaction_session_timeout=60000"
                " -c plan_cache_mode=force_custom_plan",
            },
        },
        MAX_CONTENT_LENGTH=30 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,
        MAX_FORM_PARTS=6000,
        TESTING=settings.mode == "test",
        TEMPLATES_AUTO_RELOAD=False,
    )


def install_database(app: Flask) -> None:
    """Give the models their sessions and the migrations their metadata."""
    db = SQLAlchemy(metadata=database.Model.metadata, session_options={"expire_on_commit": False})
    db.init_app(app)
    database.use_sessions(db.session)
    Migrate(app, db, directory=str(ROOT / "migrations"))
