"""The devices of a request are known from its order, and kept once.

Revision ID: 0008
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _keep_devices_once()


def _keep_devices_once() -> None:
    # only what can be read from the order is taken away
    op.execute(
        "DELETE FROM ticket_device d USING ticket_order o, order_target t"
        " WHERE o.ticket_id = d.ticket_id AND t.order_id = o.order_id AND t.device_id = d.device_id"
    )


def downgrade() -> None:
    _keep_devices_twice()


def _keep_devices_twice() -> None:
    op.execute(
        "INSERT INTO ticket_device (ticket_id, device_id, client_id)"
        " SELECT o.ticket_id, t.device_id, t.client_id"
        " FROM ticket_order o JOIN order_target t ON t.order_id = o.order_id"
        " ON CONFLICT DO NOTHING"
    )
