"""Who is asking: the signed-in person as an actor, and doors that are closed unless opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import abort, g, redirect, request, session, url_for
from flask_login import LoginManager, UserMixin, login_user, logout_user

from servicedesk.core import database
from servicedesk.core.actors import GATE, Actor, Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Blueprint, Flask
    from flask.typing import ResponseReturnValue

    LoadPerson = Callable[[str, str], tuple[Any, Actor] | None]

STAFF = frozenset({Role.AGENT, Role.ACCOUNT_MANAGER, Role.SUPERVISOR})
# what anybody may ask for: everything else wants somebody signed in, or the API's own guard
PUBLIC_BLUEPRINTS = frozenset(
    {
        *("health", "metrics", "language", "sign_in", "engines", "document_door", "feed_door"),
        "closing_door",
        "dev_mail",
    }
)
MACHINES = frozenset({"health", "metrics"})  # whoever asks, no session is looked up
API = "api-"  # how the names of the API's blueprints begin
PUBLIC_ENDPOINTS = frozenset({"static", "front"})
_guarded: set[str] = set()


class SignedIn(UserMixin):
    """What Flask-Login keeps: an identity that names the user and the version of their sessions."""

    def __init__(self, identity: str, person: Any, actor: Actor) -> None:
        """Remember who it is."""
        self.identity, self.person, self.actor = identity, person, actor

    def get_id(self) -> str:
        """Return what the cookie carries: `user id:session version`."""
        return self.identity


def install(app: Flask, load_person: LoadPerson) -> None:
    """Load the person of each request, close every door, and put the session away at the end."""
    # its template variable would ask the database once more, also for the page that says it is away
    manager = LoginManager(app, add_context_processor=False)
    manager.session_protection = None  # an address that changes on a phone is no theft

    @manager.user_loader
    def load(identity: str) -> SignedIn | None:
        found = load_person(identity, caller_address())
        return SignedIn(identity, *found) if found else None

    @app.before_request
    def enter() -> ResponseReturnValue | None:
        database.become(GATE)
        g.actor, g.person = GATE, None
        if request.endpoint is None or request.endpoint == "static":
            return None
        if request.blueprint in MACHINES:
            return None
        if (request.blueprint or "").startswith(API):
            return None  # the API's own guard reads a token, never the cookie
        _recognise(manager)
        return None if is_open(request.endpoint) else _ask_to_sign_in()

    @app.teardown_request
    def leave(error: BaseException | None) -> None:
        del error
        database.put_back()
        database.session().close()
        database.become(GATE)


def _recognise(manager: LoginManager) -> None:
    if "_user_id" not in session:
        return
    user = manager._user_callback(session["_user_id"])  # noqa: SLF001  one look-up, not two
    if user is None:
        session.clear()
        return
    g.person = user.person
    use_actor(user.actor)


def use_actor(actor: Actor) -> None:
    """Go on as `actor`: for permissions, for what is visible, and in the database."""
    g.actor = actor
    database.become(actor)


def is_open(endpoint: str) -> bool:
    """Whether an endpoint is for anybody, or somebody is signed in."""
    blueprint = endpoint.split(".", maxsplit=1)[0] if "." in endpoint else ""
    return (
        endpoint in PUBLIC_ENDPOINTS
        or blueprint in PUBLIC_BLUEPRINTS
        or blueprint.startswith(API)
        or current_actor() is not GATE
    )


def current_actor() -> Actor:
    """Return who is asking; GATE when nobody is signed in."""
    actor: Actor = g.get("actor", GATE)
    return actor


def caller_address() -> str:
    """Return the caller's address, as far as trusted proxies tell it."""
    return request.remote_addr or ""


def guard(blueprint: Blueprint, *roles: Role) -> None:
    """Let only these roles into a blueprint; for others it does not exist."""
    _guarded.add(blueprint.name)
    allowed = frozenset(roles)

    @blueprint.before_request
    def check() -> ResponseReturnValue | None:
        actor = current_actor()
        if actor is GATE:
            return _ask_to_sign_in()
        if actor.role not in allowed:
            abort(404)
        return None


def _ask_to_sign_in() -> ResponseReturnValue:
    if request.headers.get("HX-Request"):
        return "", 401, {"HX-Redirect": url_for("sign_in.show")}
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("sign_in.show", next=wanted))


def start_session(identity: str, person: Any, actor: Actor) -> None:
    """Sign a person in under a new session; what was in the old one is forgotten."""
    kept = {key: session[key] for key in ("language",) if key in session}
    session.clear()
    session.update(kept)
    login_user(SignedIn(identity, person, actor))
    use_actor(actor)


def end_session() -> None:
    """Sign the person out of this browser."""
    logout_user()
    session.clear()
    use_actor(GATE)


def safe_next(wanted: str | None) -> str | None:
    """Return `wanted` if it is a path of this desk, otherwise None."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return None
    return None if any(ord(character) < ord(" ") for character in wanted) else wanted
