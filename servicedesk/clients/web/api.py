"""Clients in the API, and who a token stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy import select

from servicedesk.accounts.tokens import person_by_token
from servicedesk.clients.actors import actor_for
from servicedesk.clients.models import Client
from servicedesk.clients.visibility import of_customers, visible_to
from servicedesk.core import database
from servicedesk.core.paging import LARGEST_PAGE, PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor


def person_of_token(plain: str, address: str) -> tuple[Any, Actor, frozenset[str]] | None:
    """Return the person, actor and scopes of a token that works."""
    found = person_by_token(plain)
    if found is None:
        return None
    user, token = found
    return user, actor_for(user, address), frozenset(token.scopes)


class PageQuery(Schema):
    """Which piece of a list."""

    cursor = fields.String(load_default=None, validate=validate.Length(max=400))
    limit = fields.Integer(load_default=PAGE_SIZE, validate=validate.Range(1, LARGEST_PAGE))


class ClientSchema(Schema):
    """A client company."""

    reference = fields.String(required=True)
    name = fields.String(required=True)
    tax_id = fields.String(required=True)
    city = fields.String(required=True)


class ClientPage(Schema):
    """A piece of the list of clients."""

    items = fields.List(fields.Nested(ClientSchema), required=True)
    next = fields.String(required=True, allow_none=True)


blueprint = Blueprint("api-clients", __name__, url_prefix="/api/v1/clients")
guard(blueprint, person_of_token)


@blueprint.route("")
class Clients(MethodView):
    """The clients the token's owner sees."""

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, ClientPage)
    def get(self, query: dict[str, Any]) -> Page[Client]:
        """List clients."""
        wanted = (
            select(Client)
            .where(visible_to(current_actor(), Client.id), of_customers(Client.id))
            .order_by(Client.id)
            .limit(query["limit"] + 1)
        )
        if key := decode_cursor(query["cursor"], int):
            wanted = wanted.where(Client.id > key[0])
        found = database.session().scalars(wanted).all()
        return page_of(found, query["limit"], lambda client: [client.id])
