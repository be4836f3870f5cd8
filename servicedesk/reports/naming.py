"""What a file is called on somebody's disk."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from servicedesk.reports.models import ReportRun

LONGEST_NAME = 80


def name_of(run: ReportRun, of_kind: str) -> str:
    """Return the title in plain letters, or what the report is about, and its day."""
    plain = unicodedata.normalize("NFKD", run.title or of_kind)
    stem = re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode().lower())
    day = (run.finished_at or run.asked_at).date()
    return f"{stem[:LONGEST_NAME].strip('-') or 'report'}-{day.isoformat()}.{run.format}"
