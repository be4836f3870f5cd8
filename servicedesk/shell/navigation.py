"""The menu: its places are declared at the routes they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from flask import request, url_for

from servicedesk.core.permissions import Permission, may
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

F = TypeVar("F", bound="Callable[..., object]")


@dataclass(frozen=True, kw_only=True)
class Place:
    """An entry of an audience's menu."""

    audience: str
    endpoint: str
    label: str
    icon: str
    order: int
    permission: Permission


PLACES: dict[str, Place] = {}


def nav(
    endpoint: str, label: str, icon: str, order: int, permission: Permission
) -> Callable[[F], F]:
    """Give a route its place in the menu of its audience, the first part of `endpoint`."""

    def place(route: F) -> F:
        PLACES[endpoint] = Place(
            audience=endpoint.split(".", maxsplit=1)[0],
            endpoint=endpoint,
            label=label,
            icon=icon,
            order=order,
            permission=permission,
        )
        return route

    return place


def install(app: Flask) -> None:
    """Let layouts ask for the menu."""
    app.jinja_env.globals["menu"] = menu
    app.jinja_env.globals["to"] = to
    app.jinja_env.globals["current_actor"] = current_actor
    app.jinja_env.globals["may"] = lambda name: may(current_actor(), Permission(name))


def to(page: str, **values: object) -> str:
    """Return the address of a page that both audiences have, for the one that reads."""
    audience = "portal" if current_actor().is_contact else "desk"
    return url_for(f"{audience}.{page}", **values)  # type: ignore[arg-type]  # any part of a path


def menu(audience: str) -> list[tuple[Place, str, bool]]:
    """Return the places of an audience that the actor may go to: place, address, is it here."""
    actor, here = current_actor(), (request.endpoint or "").rpartition(".")[0]
    return [
        (place, url_for(place.endpoint), place.endpoint.rpartition(".")[0] == here)
        for place in sorted(PLACES.values(), key=lambda place: place.order)
        if place.audience == audience and may(actor, place.permission)
    ]
