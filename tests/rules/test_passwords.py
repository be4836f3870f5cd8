from __future__ import annotations

import pytest

from servicedesk.accounts import passwords
from servicedesk.core.errors import InvalidInput


@pytest.mark.parametrize(
    "password",
    ["corto", "once letras", "password1234", "Password-1234", "aaaaaaaaaaaaa", "ANA.RUIZ@desk.example",
     "ana ruiz ana ruiz", "1212 1212 1212", "x" * 201],
)  # fmt: skip
def test_a_bad_password_is_refused_at_its_field(password):
    with pytest.raises(InvalidInput) as refusal:
        passwords.check_rules(password, email="ana.ruiz@desk.example", name="Ana Ruiz")

    assert refusal.value.field == "password"


@pytest.mark.parametrize(
    "password", ["un caballo correcto", "x7#Kq9!vPz2m", "ñandú vuela alto", "ana come pan hoy"]
)
def test_a_good_password_is_accepted(password):
    passwords.check_rules(password, email="ana.ruiz@desk.example", name="Ana Ruiz")
