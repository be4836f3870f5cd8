"""`flask backup …` and `flask restore …`, for whoever runs the desk."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import psycopg
from flask import current_app

from servicedesk.backups import quarantine
from servicedesk.backups.archive import read_manifest
from servicedesk.backups.container import BackupProblem
from servicedesk.backups.restoring import hold_desk, restore_backup
from servicedesk.backups.taking import backups_in, prune_backups, take_backup
from servicedesk.backups.verifying import verify_backup
from servicedesk.core import embedded_postgres
from servicedesk.core.actors import SYSTEM
from servicedesk.core.database import acting_as, session
from servicedesk.core.embedded_postgres import DatabaseNotStarted
from servicedesk.core.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from config import Settings

TOLD_EVERY = 5.0  # seconds
A_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


class _FileOrCommand(click.Group):
    """`flask restore FILE` restores; `flask restore status` and others are commands."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["file", *args]
        return super().resolve_command(ctx, args)


backup_commands = click.Group("backup", help="Take, prove and forget backups.")
restore_commands = _FileOrCommand("restore", help="Put a backup back; decide about what it held.")


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings


@backup_commands.command("create")
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), help="Another folder.")
@click.option("--verify", is_flag=True, help="Restore it into a scratch database, too.")
def create(to: Path | None, *, verify: bool) -> None:
    """Write a backup of the database and the attachments into one file."""
    with _plainly() as settings:
        facts = take_backup(settings, to=to, seen=_progress())
        click.echo(
            f"{facts.path}: {_size(facts.size)}, {facts.rows:,} rows, {facts.attachments:,}"
            f" attachments, {'encrypted' if facts.is_encrypted else 'NOT encrypted'},"
            f" {facts.seconds:.1f} s"
        )
        if facts.missing:
            click.echo(f"{facts.missing} attachments that rows name are not on the disk.")
        if verify:
            _verify(settings, facts.path, apart=False)


@backup_commands.command("list")
@click.option("--in", "folder", type=click.Path(path_type=Path, file_okay=False))
def list_(folder: Path | None) -> None:
    """Say which backups lie in the folder, and what is in them."""
    settings = _settings()
    for path in backups_in(folder or settings.backup_folder):
        try:
            manifest = read_manifest(path, settings.backup_key)
            told = f"{manifest.rows:,} rows, {manifest.attachments:,} attachments"
        except BackupProblem as problem:
            told = str(problem)
        click.echo(f"{path.name}  {_size(path.stat().st_size)}  {told}")


@backup_commands.command("verify")
@click.argument("file", type=A_FILE)
@click.option("--apart", is_flag=True, help="On a server of its own, not the desk's.")
def verify(file: Path, *, apart: bool) -> None:
    """Restore a backup into a scratch database and compare; exit 1 if anything is wrong."""
    with _plainly() as settings:
        _verify(settings, file, apart=apart)


@backup_commands.command("prune")
@click.option("--daily", default=7, show_default=True)
@click.option("--weekly", default=5, show_default=True)
@click.option("--monthly", default=12, show_default=True)
def prune(daily: int, weekly: int, monthly: int) -> None:
    """Delete the backups that are neither the last of a recent day, week nor month."""
    with _plainly() as settings:
        gone = prune_backups(settings, daily=daily, weekly=weekly, monthly=monthly)
    click.echo("\n".join(f"deleted {name}" for name in gone) or "Nothing had to go.")


@restore_commands.command("file")
@click.argument("file", type=A_FILE)
def from_file(file: Path) -> None:
    """Restore into the desk's database, which must be empty. `flask restore FILE` is the same."""
    with _plainly() as settings:
        done = restore_backup(settings, file, seen=_progress())
    for warning in done.warnings:
        click.echo(f"Warning: {warning}")
    for problem in done.problems:
        click.echo(f"Problem: {problem}")
    if done.problems:
        raise click.ClickException("the desk that was restored is not whole and stays shut")
    click.echo(
        f"Restored what was there at {done.manifest.taken_at.isoformat(timespec='seconds')}:"
        f" {done.manifest.rows:,} rows, {done.manifest.attachments:,} attachments;"
        " counts, files, walls and the audit trail are as they were."
    )
    _say_held(done.held)
    click.echo("Nothing leaves until somebody has looked: see `flask restore status`.")


@restore_commands.command("hold")
def hold() -> None:
    """Shut the doors of a database that was recovered by other means, before the desk is started."""
    with _plainly() as settings:
        _say_held(hold_desk(settings))
    click.echo("Nothing leaves until somebody has looked: see `flask restore status`.")


@restore_commands.command("status")
def status() -> None:
    """Say what a restore keeps back."""
    with _plainly():
        _status()


@restore_commands.command("release")
@click.argument("what", type=click.Choice(["mails", "jobs"]))
@click.argument("ids", nargs=-1, type=int)
def release(what: str, ids: tuple[int, ...]) -> None:
    """Have what is held sent or done after all: these mails, or all there are."""
    with _plainly():
        count = (
            quarantine.release_mails(SYSTEM, ids or None)
            if what == "mails"
            else quarantine.settle_jobs(SYSTEM, release=True)
        )
    click.echo(f"Released: {count}")


@restore_commands.command("drop")
@click.argument("what", type=click.Choice(["mails", "jobs"]))
@click.argument("ids", nargs=-1, type=int)
def drop(what: str, ids: tuple[int, ...]) -> None:
    """Never send or do what is held: these mails, or all there are."""
    with _plainly():
        count = (
            quarantine.withdraw_mails(SYSTEM, ids or None)
            if what == "mails"
            else quarantine.settle_jobs(SYSTEM, release=False)
        )
    click.echo(f"Dropped: {count}")


@restore_commands.command("open")
def open_() -> None:
    """Let the desk send mails and commands again; what is held stays held."""
    with _plainly():
        quarantine.open_desk(SYSTEM)
    click.echo("The desk acts again.")


def _verify(settings: Settings, path: Path, *, apart: bool) -> None:
    found = verify_backup(settings, path, apart=apart, seen=_progress())
    for problem in found.problems:
        click.echo(f"Problem: {problem}")
    if not found.is_good:
        sys.exit(1)
    click.echo(
        f"Restored and compared in {found.seconds:.1f} s: {found.rows:,} rows,"
        f" {found.attachments:,} attachments; the audit trail holds."
    )


def _status() -> None:
    standing = quarantine.standing(SYSTEM)
    if standing is None:
        click.echo("The desk acts.")
    elif standing.finished_at is None:
        click.echo(f"The restore of {standing.backup} was broken off: this desk is not whole.")
    else:
        click.echo(f"Restored from {standing.backup}; nothing leaves until `flask restore open`.")
    for mail in quarantine.held_mails(SYSTEM):
        told = f"{mail.created_at.isoformat(timespec='minutes')} {mail.recipient} {mail.template}"
        click.echo(f"mail {mail.id}: {told} {mail.subject_reference}")
    for name, count in quarantine.held_jobs(SYSTEM).items():
        click.echo(f"jobs {name}: {count}")
    for reference in quarantine.paused_orders(SYSTEM):
        click.echo(f"order {reference}: paused; resume or cancel it on its page")


def _say_held(held: dict[str, int]) -> None:
    click.echo(
        f"Held back: {held['mails']} mails, {held['jobs']} jobs, {held['orders']} work orders"
        f" (paused); {held['commands']} commands may or may not have left since."
        f" {held['links']} one-time links no longer work."
    )


def _progress() -> Callable[[int, int, str], None]:
    told = time.monotonic()

    def seen(done: int, total: int, what: str) -> None:
        nonlocal told
        if time.monotonic() - told > TOLD_EVERY:
            told = time.monotonic()
            click.echo(f"{what}: {done:,}" + (f" of {total:,}" if total else ""), err=True)

    return seen


@contextmanager
def _plainly() -> Iterator[Settings]:
    """Work as the desk itself, with the embedded database running; say in words what is wrong."""
    settings, started = _settings(), False
    try:
        if settings.database_url is None:
            started = embedded_postgres.ensure_running(settings.instance)
        with acting_as(SYSTEM):
            try:
                yield settings
            finally:
                session().rollback()
    except (BackupProblem, DatabaseNotStarted, psycopg.Error, OSError) as problem:
        raise click.ClickException(str(problem).strip()) from None
    except DomainError as refusal:
        raise click.ClickException(str(refusal) or type(refusal).__name__) from None
    finally:
        if started:
            embedded_postgres.stop(settings.instance)


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:  # noqa: PLR2004
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
