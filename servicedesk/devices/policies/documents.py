"""A client's library of documents: what policies put on devices, and which device fetched it when."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, Select, UniqueConstraint, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from servicedesk.clients.choices import client_named
from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.core.database import Model
from servicedesk.core.errors import NotFound
from servicedesk.core.files import ALLOWED, clean_name, keep, kind_of, path_of
from servicedesk.core.paging import PAGE_SIZE, Page, decode_cursor, page_of
from servicedesk.core.permissions import Permission, require
from servicedesk.core.references import next_reference
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.models import Device
from servicedesk.devices.policies.models import DevicePolicy, EffectivePolicy

if TYPE_CHECKING:
    from datetime import date

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
    # of the address devices fetch it from
    secret: Mapped[str] = mapped_column(unique=True, info={"secret": True})
    created_at: Mapped[datetime]
    author_name: Mapped[str]

    client: Mapped[Client] = relationship(lazy="raise_on_sql")


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
        client = client_named(work.session, actor, client_reference)
        suffix = kind_of(upload, "file")
        document = ClientDocument(
            client_id=client.id,
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
        work.concerns(client.id, document.reference)
    return document


def document_named(session: Session, client_id: int, reference: str) -> ClientDocument | None:
    """Return a document of that client, or None."""
    return session.scalars(
        select(ClientDocument).where(
            ClientDocument.client_id == client_id, ClientDocument.reference == reference
        )
    ).one_or_none()


def fetch_document(actor: Actor, secret: str, external_id: str) -> ClientDocument:
    """Give a document to a device whose policy puts it there, and note that it came.

    `secret` names the document, `external_id` the device at its engine. Whoever should not have it
    (any more) is told the same as who guesses. Raises NotFound.
    """
    with unit_of_work(actor, "documents.fetch") as work:
        found = work.session.execute(
            _due(work.at.date()).where(
                ClientDocument.secret == secret, Device.external_id == external_id
            )
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


def _due(day: date) -> Select[ClientDocument, int]:
    """Return the query of documents with the devices that should have them on a day."""
    entry = EffectivePolicy.content["documents"][ClientDocument.reference]
    until = entry["expires_on"].astext
    return (
        select(ClientDocument, Device.id)
        .join(Device, Device.client_id == ClientDocument.client_id)
        .join(DevicePolicy, DevicePolicy.device_id == Device.id)
        .join(EffectivePolicy, EffectivePolicy.id == DevicePolicy.effective_id)
        .where(entry.is_not(None), until.is_(None) | (until >= day.isoformat()))
    )


@dataclass(frozen=True, kw_only=True)
class DocumentLine:
    """A document in a list, and how many devices fetched it."""

    document: ClientDocument
    fetched: int


def documents(
    actor: Actor, client: str = "", cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[DocumentLine]:
    """Return a page of the documents in reach, the newest first."""
    fetched = (
        select(func.count())
        .select_from(DocumentFetch)
        .where(DocumentFetch.document_id == ClientDocument.id)
        .scalar_subquery()
    )
    query = _documents(actor).add_columns(fetched).order_by(ClientDocument.id.desc())
    if client:
        owner = select(Client.id).where(Client.reference == client).scalar_subquery()
        query = query.where(ClientDocument.client_id == owner)
    if key := decode_cursor(cursor, int):
        query = query.where(ClientDocument.id < key[0])
    rows = database.session().execute(query.limit(size + 1)).all()
    found = page_of(rows, size, lambda row: [row[0].id])
    return Page([DocumentLine(document=row[0], fetched=row[1]) for row in found.items], found.next)


def document_line(actor: Actor, reference: str) -> DocumentLine:
    """Return one document. Raises NotFound, also for a document of another client."""
    plain = reference.replace("\x00", "")
    query = _documents(actor).where(ClientDocument.reference == plain)
    document = database.session().scalar(query)
    if document is None:
        raise NotFound
    fetched = database.session().scalar(
        select(func.count())
        .select_from(DocumentFetch)
        .where(DocumentFetch.document_id == document.id)
    )
    return DocumentLine(document=document, fetched=fetched or 0)


def fetches_of(
    actor: Actor, document: ClientDocument, cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[Any]:
    """Return a page of the devices that fetched a document, the newest first.

    Rows of id, reference and name of the device, first_at, last_at and times.
    """
    query = (
        select(
            DocumentFetch.id,
            Device.reference,
            Device.name,
            DocumentFetch.first_at,
            DocumentFetch.last_at,
            DocumentFetch.times,
        )
        .join(DocumentFetch, DocumentFetch.device_id == Device.id)
        .where(DocumentFetch.document_id == document.id, visible_to(actor, DocumentFetch.client_id))
        .order_by(DocumentFetch.id.desc())
        .limit(size + 1)
    )
    if key := decode_cursor(cursor, int):
        query = query.where(DocumentFetch.id < key[0])
    return page_of(database.session().execute(query).all(), size, lambda row: [row.id])


def _documents(actor: Actor) -> Select[ClientDocument]:
    require(actor, Permission.DEVICE_READ)
    return (
        select(ClientDocument)
        .options(joinedload(ClientDocument.client, innerjoin=True))
        .where(visible_to(actor, ClientDocument.client_id))
    )
