"""What is possible: the catalogue against the contract, as a table for each functional block."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from flask import render_template, request

from servicedesk.clients.choices import clients_to_choose
from servicedesk.clients.models import BLOCK_LABELS, MODALITY_LABELS
from servicedesk.core.permissions import Permission, may
from servicedesk.devices.catalogue.action import RISK_LABELS
from servicedesk.devices.matrix import KINDS, Cell, Kind, Matrix, Row, matrix
from servicedesk.devices.models import (
    DEVICE_STATE_LABELS,
    MANAGEMENT_LABELS,
    OWNERSHIP_LABELS,
    PLATFORM_LABELS,
    Ownership,
    Platform,
)
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from servicedesk.clients.models import FunctionalBlock
    from servicedesk.core.text import Text


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The kinds of device of platforms that have the same answers, by who owns them."""

    platforms: Sequence[Platform]
    by_owner: Sequence[tuple[Ownership, Sequence[Kind]]]

    @property
    def label(self) -> str:
        """Name the platforms."""
        return " · ".join(PLATFORM_LABELS[platform] for platform in self.platforms)

    @property
    def kinds(self) -> list[Kind]:
        """Return the kinds in their order."""
        return [kind for _owner, kinds in self.by_owner for kind in kinds]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A block's rows with the reasons below it; a cell carries the number of its reason."""

    block: FunctionalBlock
    rows: Sequence[tuple[Row, Sequence[tuple[Cell, int]]]]
    reasons: Sequence[Text]


def compatibility() -> ResponseReturnValue:
    """Show what can be done to which devices under a client's contract."""
    actor = current_actor()
    clients = [] if actor.is_contact else clients_to_choose(actor)
    client = request.args.get("client", "")[:40] or (clients[0].reference if clients else "")
    engine = request.args.get("engine", "")[:40].replace("\x00", "")
    platform = request.args.get("platform", "")
    found = matrix(actor, client, engine)
    wanted = [p for p in Platform if p.value == platform] or [*Platform]
    columns = [_columns(alike) for alike in _alike(found, wanted)]
    shown = [KINDS.index(kind) for group in columns for kind in group.kinds]
    return render_template(
        "devices/matrix.html",
        found=found,
        columns=columns,
        width=len(shown),
        tables=[_table(block, rows, shown) for block, rows in found.blocks.items()],
        clients=clients,
        engines=[(engine.key, engine.name) for engine in found.engines],
        platform=platform,
        platforms=PLATFORM_LABELS,
        ownerships=OWNERSHIP_LABELS,
        managements=MANAGEMENT_LABELS,
        states=DEVICE_STATE_LABELS,
        blocks=BLOCK_LABELS,
        modalities=MODALITY_LABELS,
        risks=RISK_LABELS,
        may_ask=may(actor, Permission.DEVICE_ACT),
    )


def _alike(found: Matrix, platforms: Sequence[Platform]) -> list[list[Platform]]:
    """Return the platforms in groups that have the same answer everywhere."""
    groups: dict[tuple[object, ...], list[Platform]] = {}
    for platform in platforms:
        answers = tuple(
            (cell.kind.ownership, cell.kind.management, cell.from_version, str(cell.reason))
            for rows in found.blocks.values()
            for row in rows
            for cell in row.cells
            if cell.kind.platform is platform
        )
        groups.setdefault(answers, []).append(platform)
    return list(groups.values())


def _columns(platforms: Sequence[Platform]) -> Columns:
    kinds = [kind for kind in KINDS if kind.platform is platforms[0]]
    owners = groupby(kinds, key=lambda kind: kind.ownership)
    return Columns(platforms=platforms, by_owner=[(owner, list(own)) for owner, own in owners])


def _table(block: FunctionalBlock, rows: Sequence[Row], shown: Sequence[int]) -> Table:
    reasons: dict[str, Text] = {}
    numbered = []
    for row in rows:
        cells = [row.cells[number] for number in shown]
        # a row that says one thing across says it itself
        for cell in cells if row.reason_for_all is None else ():
            if cell.reason is not None:
                reasons.setdefault(str(cell.reason), cell.reason)
        numbers = {words: number for number, words in enumerate(reasons, start=1)}
        numbered.append((row, [(cell, numbers.get(str(cell.reason), 0)) for cell in cells]))
    return Table(block=block, rows=numbered, reasons=list(reasons.values()))
