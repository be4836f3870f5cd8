"""A client's library of documents: what policies put on devices, and which device fetched it when."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.core.database import Model
from servicedesk.core.errors import InvalidInput, NotFound
from servicedesk.core.files import ALLOWED, clean_name, keep, kind_of, path_of
from servicedesk.core.permissions import Permission, require
from servicedesk.core.references import next_reference
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.models import Device

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor
    from servicedesk.core.files import Upload


class ClientDocument(Model):
    """A file of a client's library; its content never changes, a new one is a new document."""

    __tablename__ = "client_document"
    __table_args__ = (Index("ix_client_document_client_id_id", "client_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]  # bytes
    sha256: Mapped[str]
    secret: Mapped[str] = mapped_column(unique=True)  # of the address devices fetch it from
    created_at: Mapped[datetime]
    author_name: Mapped[str]


class DocumentFetch(Model):
    """A device fetched a document: the first time, and how often since."""

    __tablename__ = "document_fetch"
    __table_args__ = (UniqueConstraint("document_id", "device_id"),)
    __audited__ = False  # a record of what happened

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("client_document.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), index=True)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    times: Mapped[int] = mapped_column(default=1)


def add_document(actor: Actor, client_reference: str, upload: Upload) -> ClientDocument:
    """Put a file into a client's library. Raises Forbidden, InvalidInput at `client` or `file`."""
    with unit_of_work(actor, "documents.add") as work:
        require(actor, Permission.DEVICE_ACT)
        client_id = work.session.scalar(
            select(Client.id).where(
                Client.reference == client_reference, visible_to(actor, Client.id)
            )
        )
        if client_id is None:
            raise InvalidInput(msgid("Choose a client."), field="client")
        suffix = kind_of(upload, "file")
        document = ClientDocument(
            client_id=client_id,
            reference=next_reference(work, "DOC"),
            name=clean_name(upload.name, suffix),
            media_type=ALLOWED[suffix],
            size=len(upload.content),
            sha256=keep(upload.content),
            secret=secrets.token_urlsafe(24),
            created_at=work.at,
            author_name=actor.name,
        )
        work.session.add(document)
        work.session.flush()
        work.concerns(client_id, document.reference)
    return document


def document_named(session: Session, client_id: int, reference: str) -> ClientDocument | None:
    """Return a document of that client, or None."""
    return session.scalars(
        select(ClientDocument).where(
            ClientDocument.client_id == client_id, ClientDocument.reference == reference
        )
    ).one_or_none()


def fetch_document(actor: Actor, secret: str, external_id: str) -> ClientDocument:
    """Give a document to a device that its policy was told of, and note that it came.

    `secret` names the document, `external_id` the device at its engine; both have to be of one
    client. Raises NotFound.
    """
    with unit_of_work(actor, "documents.fetch") as work:
        found = work.session.execute(
            select(ClientDocument, Device.id)
            .join(Device, Device.client_id == ClientDocument.client_id)
            .where(ClientDocument.secret == secret, Device.external_id == external_id)
        ).first()
        if found is None or not path_of(found[0].sha256).exists():
            raise NotFound
        document: ClientDocument = found[0]
        noted = insert(DocumentFetch).values(
            client_id=document.client_id,
            document_id=document.id,
            device_id=found[1],
            first_at=work.at,
            last_at=work.at,
            times=1,
        )
        work.session.execute(
            noted.on_conflict_do_update(
                index_elements=["document_id", "device_id"],
                set_={"last_at": work.at, "times": DocumentFetch.times + 1},
            )
        )
    return document


def documents_of(actor: Actor, client_id: int | None = None) -> Sequence[Any]:
    """Return the documents in reach, the newest first, each with how many devices fetched it."""
    fetched = (
        select(func.count())
        .select_from(DocumentFetch)
        .where(DocumentFetch.document_id == ClientDocument.id)
        .scalar_subquery()
    )
    query = (
        select(ClientDocument, Client.name.label("client_name"), fetched.label("fetched"))
        .join(Client, Client.id == ClientDocument.client_id)
        .where(visible_to(actor, ClientDocument.client_id))
        .order_by(ClientDocument.id.desc())
        .limit(500)
    )
    if client_id is not None:
        query = query.where(ClientDocument.client_id == client_id)
    return database.session().execute(query).all()


def fetches_of(
    actor: Actor, reference: str, size: int = 200
) -> tuple[ClientDocument, Sequence[Any]]:
    """Return a document and the devices that fetched it, the latest first. Raises NotFound."""
    document = (
        database.session()
        .scalars(
            select(ClientDocument).where(
                ClientDocument.reference == reference, visible_to(actor, ClientDocument.client_id)
            )
        )
        .one_or_none()
    )
    if document is None:
        raise NotFound
    rows = database.session().execute(
        select(Device.reference, Device.name, DocumentFetch.first_at, DocumentFetch.times)
        .join(DocumentFetch, DocumentFetch.device_id == Device.id)
        .where(DocumentFetch.document_id == document.id)
        .order_by(DocumentFetch.last_at.desc())
        .limit(size)
    )
    return document, rows.all()
