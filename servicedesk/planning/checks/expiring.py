"""Certificates, tokens and documents that run out soon."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509
from sqlalchemy import func, select

from servicedesk.accounts.models import ApiToken, User
from servicedesk.core import clock
from servicedesk.core.text import Text, msgid
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.devices.policies.models import PolicyProfile, PolicyVersion, VersionState
from servicedesk.planning.checks.check import Check
from servicedesk.planning.checks.looking import clients_in, looking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round

IN_USE = timedelta(days=30)  # a token that was used since then is missed by somebody
MOST_NAMED = 300

CERTIFICATE = msgid("%(client)s: the certificate %(name)s of %(policy)s runs out on %(ends_at)s.")
CERTIFICATE_OVER = msgid(
    "%(client)s: the certificate %(name)s of %(policy)s ran out on %(ends_at)s."
)
UNREADABLE = msgid("%(client)s: the certificate %(name)s of %(policy)s cannot be read.")
DOCUMENT = msgid(
    "%(client)s: the document %(name)s of %(policy)s is taken back after %(ends_at)s, as planned."
)
TOKEN = msgid("The API token %(name)s of %(person)s stops working on %(ends_at)s.")


class Expiring(Check):
    """Look for what runs out: certificates and documents of policies, and tokens of the API."""

    code = "credentials.expiring"
    label = msgid("Nothing runs out unseen")
    description = msgid(
        "Looks for certificates and documents in policies, and for tokens of the API, that run out"
        " within some days."
    )
    for_client = True
    parameters = (
        Parameter(
            name="days",
            label=msgid("Told so many days before"),
            kind=Kind.NUMBER,
            least=1,
            most=365,
            default="30",
        ),
        Parameter(
            name="problem_days",
            label=msgid("A problem so many days before"),
            kind=Kind.NUMBER,
            least=0,
            most=365,
            default="7",
        ),
    )

    def faults(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """Refuse a problem that comes before it is told."""
        if faults := super().faults(parameters):
            return faults
        kept = self.cleaned(parameters)
        if int(kept["problem_days"]) > int(kept["days"]):
            return {"problem_days": msgid("This comes later than being told of it.")}
        return {}

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Look at the policies of one client after another, then at tokens."""
        days = self.number(parameters, "days")
        seen = _Watch(given, days, self.number(parameters, "problem_days"))
        clients = clients_in(given.client_id)
        for number, client in enumerate(clients):
            given.seen(number, len(clients) + 1)
            for policy in _policies(client.id):
                seen.look_at_policy(client.name, policy)
        given.seen(len(clients), len(clients) + 1)
        if given.client_id is None:
            seen.look_at_tokens()
        given.seen(len(clients) + 1, len(clients) + 1)
        return Text(
            msgid("%(things)s things run out within %(days)s days or have run out."),
            {"things": seen.found, "days": days},
        )

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Count policies and tokens."""
        del parameters
        policies = session.scalar(
            select(func.count()).select_from(_published(client_id).subquery())
        )
        told = [
            Text(
                msgid("Reads %(policies)s published policies with certificates or documents."),
                {"policies": policies},
            )
        ]
        if client_id is None:
            tokens = session.scalar(select(func.count()).select_from(_tokens().subquery()))
            told.append(Text(msgid("Looks at %(tokens)s API tokens."), {"tokens": tokens}))
        return told


def _published(client_id: int | None) -> Select[Any]:
    """Return what is published and has certificates or documents; never anything sealed."""
    content = PolicyVersion.content
    query = (
        select(
            PolicyProfile.reference,
            content["certificates"].label("certificates"),
            content["documents"].label("documents"),
        )
        .join(PolicyProfile, PolicyProfile.id == PolicyVersion.profile_id)
        .where(
            PolicyVersion.state == VersionState.PUBLISHED,
            content.has_key("certificates") | content.has_key("documents"),
        )
        .order_by(PolicyProfile.id)
    )
    return query if client_id is None else query.where(PolicyVersion.client_id == client_id)


def _policies(client_id: int) -> Sequence[Any]:
    with looking() as session:
        return session.execute(_published(client_id)).all()


def _tokens() -> Select[str, datetime, datetime | None, str]:
    """Return the tokens that work."""
    return (
        select(ApiToken.name, ApiToken.expires_at, ApiToken.last_used_at, User.name.label("person"))
        .join(User, User.id == ApiToken.user_id)
        .where(ApiToken.revoked_at.is_(None), ApiToken.expires_at > clock.now(), User.is_active)
        .order_by(ApiToken.expires_at, ApiToken.id)
    )


class _Watch:
    """Tells of what runs out, while places are looked at."""

    def __init__(self, given: Round, days: int, problem_days: int) -> None:
        self.given, self.now, self.found = given, clock.now(), 0
        self.soon = self.now + timedelta(days=days)
        self.too_soon = self.now + timedelta(days=problem_days)

    def look_at_policy(self, client: str, policy: Any) -> None:
        for name, ends_at in _certificates(policy.certificates or {}):
            known = {"client": client, "policy": policy.reference, "name": name}
            if ends_at is None:
                self._tell(UNREADABLE, policy.reference, is_problem=False, **known)
            elif ends_at <= self.soon:
                words = CERTIFICATE if ends_at > self.now else CERTIFICATE_OVER
                is_problem = ends_at <= self.too_soon
                self._tell(words, policy.reference, is_problem=is_problem, ends_at=ends_at, **known)
        for name, ends_at in _documents(policy.documents or {}):
            if self.now < ends_at <= self.soon:
                known = {"client": client, "policy": policy.reference, "name": name}
                self._tell(DOCUMENT, policy.reference, is_problem=False, ends_at=ends_at, **known)

    def look_at_tokens(self) -> None:
        with looking() as session:
            tokens = session.execute(_tokens().where(ApiToken.expires_at <= self.soon)).all()
        for token in tokens:
            is_used = token.last_used_at is not None and token.last_used_at > self.now - IN_USE
            self._tell(
                TOKEN,
                None,
                is_problem=is_used and token.expires_at <= self.too_soon,
                name=token.name,
                person=token.person,
                ends_at=token.expires_at,
            )

    def _tell(self, words: str, subject: str | None, *, is_problem: bool, **known: object) -> None:
        self.found += 1
        if is_problem:
            self.given.problem(words, subject=subject, **known)
        elif self.found <= MOST_NAMED:
            self.given.finding(words, subject=subject, **known)


def _certificates(
    entries: Mapping[str, Mapping[str, str]],
) -> Iterator[tuple[str, datetime | None]]:
    """Yield name and end of the authorities of a policy; None where nobody can read it."""
    for values in entries.values():
        if pem := values.get("pem"):
            try:
                found = x509.load_pem_x509_certificate(pem.encode())
            except ValueError:
                yield values.get("name", ""), None
            else:
                yield values.get("name", ""), found.not_valid_after_utc


def _documents(entries: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, datetime]]:
    """Yield reference and last instant of the documents of a policy that have one."""
    for values in entries.values():
        if until := values.get("expires_on"):
            day = date.fromisoformat(until)
            yield values.get("document", ""), datetime.combine(day, time(23, 59), tzinfo=UTC)
