"""The figures of a review, written down in their order: a file in this folder and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.reviews.metrics.action_success import ActionSuccess
from servicedesk.reviews.metrics.activation import Activation
from servicedesk.reviews.metrics.backlog import Backlog
from servicedesk.reviews.metrics.breach_severity import BreachSeverity
from servicedesk.reviews.metrics.conformity import Conformity
from servicedesk.reviews.metrics.engagement import Engagement
from servicedesk.reviews.metrics.first_contact_resolution import FirstContactResolution
from servicedesk.reviews.metrics.near_misses import NearMisses
from servicedesk.reviews.metrics.punctuality import Punctuality
from servicedesk.reviews.metrics.reopen_rate import ReopenRate
from servicedesk.reviews.metrics.repeats import Repeats
from servicedesk.reviews.metrics.satisfaction import Satisfaction
from servicedesk.reviews.metrics.satisfaction_response import SatisfactionResponse
from servicedesk.reviews.metrics.service_levels import ServiceLevels
from servicedesk.reviews.metrics.time_to_acknowledge import TimeToAcknowledge
from servicedesk.reviews.metrics.time_to_first_response import TimeToFirstResponse
from servicedesk.reviews.metrics.time_to_own import TimeToOwn
from servicedesk.reviews.metrics.time_to_resolve_gross import TimeToResolveGross
from servicedesk.reviews.metrics.time_to_resolve_net import TimeToResolveNet
from servicedesk.reviews.metrics.update_discipline import UpdateDiscipline
from servicedesk.reviews.metrics.volume import Volume
from servicedesk.reviews.metrics.whose_time import WhoseTime

if TYPE_CHECKING:
    from servicedesk.reviews.metrics.figure import Figure

FIGURES: tuple[Figure, ...] = (
    ServiceLevels(),
    NearMisses(),
    BreachSeverity(),
    UpdateDiscipline(),
    TimeToOwn(),
    TimeToFirstResponse(),
    TimeToResolveNet(),
    TimeToResolveGross(),
    WhoseTime(),
    Volume(),
    Backlog(),
    ReopenRate(),
    FirstContactResolution(),
    Satisfaction(),
    SatisfactionResponse(),
    Repeats(),
    Conformity(),
    ActionSuccess(),
    TimeToAcknowledge(),
    Punctuality(),
    Activation(),
    Engagement(),
)
BY_CODE = {figure.code: figure for figure in FIGURES}
