"""Contents of policies to draw from: few names, so that profiles meet and disagree."""

from __future__ import annotations

from hypothesis import strategies as st

SEALED = "sealed:b3VycyBhbG9uZQ=="
HIDDEN = "b3VycyBhbG9uZQ"  # what no page may say


def _some(**choices: list[str]) -> st.SearchStrategy[dict[str, str]]:
    values = {name: st.sampled_from(options) for name, options in choices.items()}
    return st.fixed_dictionaries({}, optional=values).filter(bool)


passcodes = _some(min_length=["4", "6", "8"], complexity=["numeric", "complex"], history=["3", "5"])
restrictions = _some(no_camera=["yes", "no"], no_usb=["yes", "no"])
wifis = st.builds(
    lambda ssid, security, password: (
        ssid,
        {"ssid": ssid, "security": security} | ({"password": password} if password else {}),
    ),
    st.sampled_from(["Office", "Wifi", "Guests: 2"]),
    st.sampled_from(["open", "wpa2_personal"]),
    st.sampled_from(["", SEALED, SEALED.replace("b3", "b4")]),
)
apps = st.builds(
    lambda platform, availability: (
        f"{platform}:com.example.crm",
        {
            "platform": platform,
            "identifier": "com.example.crm",
            "name": "CRM",
            "availability": availability,
        },
    ),
    st.sampled_from(["apple", "android"]),
    st.sampled_from(["required", "forbidden"]),
)


def _content(passcode, restriction, wifi, app) -> dict[str, dict[str, dict[str, str]]]:
    content = {
        "passcode": {"": passcode} if passcode else {},
        "restrictions": {"": restriction} if restriction else {},
        "wifi": dict(wifi),
        "apps": dict(app),
    }
    return {section: keyed for section, keyed in content.items() if keyed}


contents = st.builds(
    _content,
    st.none() | passcodes,
    st.none() | restrictions,
    st.lists(wifis, max_size=3),
    st.lists(apps, max_size=2),
)
