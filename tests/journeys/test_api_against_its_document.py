"""schemathesis over the whole OpenAPI: no 5xx, no answer outside the schema."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = (
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)


@pytest.mark.parametrize("role", ["contact", "agent"])
def test_no_input_breaks_the_api_or_its_document(desk, role):
    make = desk.make
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    make.request(contact, "device.lock", make.device(client, "ios"))
    token = desk.token(contact if role == "contact" else agent)
    schema = schemathesis.openapi.from_url(f"{desk.address}/api/v1/openapi.json")
    seen = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        seen.add((operation.method, operation.path))

        @settings(
            max_examples=15,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def attack(case):
            case.call_and_validate(
                headers={"Authorization": f"Bearer {token}"}, checks=list(CHECKS)
            )

        attack()
    assert len(seen) >= 12
