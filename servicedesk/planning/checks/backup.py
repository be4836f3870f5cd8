"""A backup every night, proved by restoring it, and the old ones that nobody needs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.backups.container import BackupProblem
from servicedesk.backups.queries import newest_good_at
from servicedesk.backups.retention import KEEP_DAILY, KEEP_MONTHLY, KEEP_WEEKLY
from servicedesk.backups.taking import prune_backups, take_backup
from servicedesk.backups.verifying import verify_backup
from servicedesk.core.errors import NotAllowedNow
from servicedesk.core.text import Text, Verbatim, msgid
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.planning.checks.check import Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from config import Settings
    from servicedesk.planning.checks.check import Round

_settings: list[Settings] = []


def use_settings(settings: Settings) -> None:
    """Tell where backups go and what they are encrypted with; the composition root calls this."""
    _settings[:] = [settings]


def _number(name: str, label: str, default: int) -> Parameter:
    return Parameter(
        name=name, label=label, kind=Kind.NUMBER, least=1, most=400, default=str(default)
    )


class Backup(Check):
    """Take a backup, prove it, and delete those whose time is over."""

    code = "house.backup"
    label = msgid("Backup")
    description = msgid(
        "Takes a backup of database and files, proves it by restoring it into a scratch database, and"
        " deletes the old ones."
    )
    is_housekeeping = True
    parameters = (
        _number("daily", msgid("Days of which one backup is kept"), KEEP_DAILY),
        _number("weekly", msgid("Weeks of which one backup is kept"), KEEP_WEEKLY),
        _number("monthly", msgid("Months of which one backup is kept"), KEEP_MONTHLY),
    )

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Take, prove, prune; what cannot be taken fails the run with its reason."""

        def seen(done: int, total: int, _what: str) -> None:
            given.seen(done if total else 0, total)  # nobody knows how much a database will be

        (settings,) = _settings
        try:
            taken = take_backup(settings, seen=seen)
        except BackupProblem as fault:
            raise NotAllowedNow(
                msgid("The backup could not be taken: %(what)s"), what=str(fault)
            ) from fault
        given.info(
            msgid("%(name)s: %(rows)s rows and %(files)s files in %(megabytes)s MB."),
            name=taken.name,
            rows=taken.rows,
            files=taken.attachments,
            megabytes=round(taken.size / 1_000_000, 1),
        )
        if not taken.is_encrypted:
            given.finding(msgid("It is not encrypted: no key is set for backups."))
        if taken.missing:
            given.problem(
                msgid("Files that rows name and that were not there: %(files)s."),
                files=taken.missing,
            )
        proved = verify_backup(settings, taken.path, seen=seen)
        for problem in proved.problems:
            given.problem(msgid("It does not hold: %(what)s"), what=str(problem))
        gone = prune_backups(settings, **{name: int(parameters[name]) for name in parameters})
        if gone:
            given.info(msgid("Old backups deleted: %(count)s."), count=len(gone))
        if proved.problems:
            return Text(msgid("The backup was taken and cannot be trusted."))
        return Text(msgid("The backup was taken and proved: %(name)s."), {"name": taken.name})

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Say where it goes and what the newest is."""
        del client_id, parameters
        (settings,) = _settings
        folder = Verbatim(settings.backup_folder.name)
        said = [Text(msgid("Writes a backup into the folder %(folder)s."), {"folder": folder})]
        newest = newest_good_at(session)
        if newest is not None:
            said.append(
                Text(msgid("The newest that was proved is of %(taken_at)s."), {"taken_at": newest})
            )
        return said
