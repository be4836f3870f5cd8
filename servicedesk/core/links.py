"""How our processes hold on to the database: one that is cut off learns of it within seconds."""

from __future__ import annotations

CONNECT_SECONDS = 5

# for libpq: signs of life on a silent connection, and an end to waiting for an answer to what was sent
LINK = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}
