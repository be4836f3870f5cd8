"""Commands for whoever runs the desk: the first account, and tokens for programs."""

from __future__ import annotations

import click

from servicedesk.accounts import administration, people, tokens
from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Actor, Role
from servicedesk.core.errors import DomainError

ADDRESS = "command line"


def account_commands(public_url: str) -> tuple[click.Group, click.Group]:
    """Return the groups `accounts` and `tokens`; links begin with `public_url`."""
    accounts = click.Group("accounts", help="People who may sign in.")
    accounts.add_command(_create_account(public_url))
    group = click.Group("tokens", help="Personal tokens for the API.")
    group.add_command(create_token)
    return accounts, group


def _create_account(public_url: str) -> click.Command:
    @click.command("create")
    @click.argument("email")
    @click.option("--name", required=True, help="The person's name.")
    @click.option(
        "--role",
        type=click.Choice([role.value for role in administration.ROLES_BY_ITSELF]),
        default=Role.SUPERVISOR.value,
        show_default=True,
    )
    @click.option("--language", type=click.Choice(people.LANGUAGES), default="es")
    def create(email: str, name: str, role: str, language: str) -> None:
        """Add a person of the operator and print the link to choose a password."""
        try:
            link = administration.open_first_account(
                SYSTEM,
                email=email,
                name=name,
                role=Role(role),
                language=language,
                public_url=public_url,
            )
        except DomainError as refused:
            raise click.ClickException(str(refused)) from None
        click.echo(link)

    return create


@click.command("create")
@click.argument("email")
@click.option("--name", required=True, help="What the token is for.")
@click.option("--days", type=int, default=tokens.DEFAULT_DAYS, show_default=True)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in tokens.Scope]),
    default=[scope.value for scope in tokens.Scope],
    show_default=True,
)
def create_token(email: str, name: str, days: int, scopes: tuple[str, ...]) -> None:
    """Print a new token of the account EMAIL, and nothing else."""
    with database.acting_as(people.gate(ADDRESS)):
        user = people.user_by_email(email)
    if user is None or not user.is_active:
        raise click.ClickException(f"there is no active account {email}")
    # a token is a person's own thing: no client needs to be in reach to make it
    owner = Actor(
        role=user.role,
        name=user.name,
        user_id=user.id,
        email=user.email,
        client_ids=frozenset(),
        address=ADDRESS,
    )
    try:
        click.echo(tokens.create_token(owner, name, scopes, days))
    except DomainError as refused:
        raise click.ClickException(str(refused)) from None
