"""Planned tasks through the API: plan, try, change, approve, run; faults are problems."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.desk_on_loopback import until
from tests.planned_task_story import MADRID
from tests.policy_story import group_of

HUGE = "9" * 30
PATH = "/planned-tasks"


@pytest.fixture
def story(desk):
    make = desk.make
    client = make.client()
    agent, phones = make.agent(), make.fleet(client, 2)
    group_of(client, "Drivers", *phones)
    desk.enrol(*phones)
    return client, agent, phones


def body_for(of, **more):
    return {
        "title": "Tell of the maintenance",
        "client": of.reference,
        "category": "preventive_maintenance",
        "work": "action",
        "code": "device.push_message",
        "parameters": {"text": "Maintenance tonight"},
        "groups": ["Drivers"],
        "schedule": {"kind": "cron", "expression": "30 9 * * 5", "zone": MADRID},
    } | more


def planned(api, of, **more):
    answer = api.post(PATH, json=body_for(of, **more))
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_task_is_tried_planned_changed_run_and_read(desk, story):
    client, agent, _phones = story
    api = desk.api(agent)
    tried = api.post(f"{PATH}/dry-run", json=body_for(client)).json()
    assert (tried["able"], tried["devices"], tried["hindrance"]) == (2, 2, None)
    assert len(tried["next_dues"]) == 5
    task = planned(api, client)
    one = f"{PATH}/{task['reference']}"
    assert task["state"] == "active"
    assert task["groups"] == ["Drivers"]
    assert "09:30" in task["schedule_words"]
    listed = api.get(PATH, params={"client": client.reference, "state": "active"}).json()["items"]
    assert [line["reference"] for line in listed] == [task["reference"]]
    assert api.get(PATH, params={"client": client.reference, "shipped": True}).json()["items"] == []
    changed = api.put(one, json=body_for(client, title="Other", version=task["version"])).json()
    assert (changed["title"], changed["version"]) == ("Other", task["version"] + 1)
    conflict = api.put(one, json=body_for(client, version=task["version"]))
    assert conflict.status_code == 409
    assert conflict.json()["type"] == "/problems/conflict"
    assert api.get(f"{one}/dry-run").json()["able"] == 2

    run = api.post(f"{one}/runs")
    assert run.status_code == 201
    address = f"{one}/runs/{run.json()['id']}"
    done = until(lambda: (told := api.get(address).json())["state"] == "done" and told)
    assert done["asked_for_by"] == agent.name
    assert done["order"].startswith("OT-")
    assert (done["done"], done["total"]) == (2, 2)
    lines = api.get(f"{address}/lines").json()["items"]
    assert any(done["order"] in line["text"] for line in lines)
    assert api.post(f"{address}/cancel").status_code == 409
    again = api.post(f"{address}/again").json()
    assert again["again_of"] == done["id"]
    assert len(api.get(f"{one}/runs").json()["items"]) == 2

    for act, state in (("switch-off", "paused"), ("switch-on", "active"), ("end", "ended")):
        assert api.post(f"{one}/{act}").json()["state"] == state
    assert api.post(f"{one}/end").status_code == 409


def test_the_second_person_signs_the_hash_that_was_read(desk, story):
    client, agent, _phones = story
    other = desk.api(desk.make.agent())
    task = planned(desk.api(agent), client, code="device.lock", parameters={})
    one = f"{PATH}/{task['reference']}"
    assert task["state"] == "awaiting_approval"
    seen = {"content_hash": task["content_hash"]}
    assert desk.api(agent).post(f"{one}/approve", json=seen).status_code == 403
    assert desk.api(agent).post(f"{one}/runs").status_code == 409
    assert other.post(f"{one}/approve", json={"content_hash": "x"}).status_code == 409
    assert other.post(f"{one}/approve", json=seen).json()["state"] == "active"
    change = body_for(client, code="device.lock", parameters={}, groups=[], version=2)
    change["devices"] = [story[2][0].reference]
    assert desk.api(agent).put(one, json=change).json()["state"] == "awaiting_approval"


def test_who_only_reads_and_who_is_another_client(desk, story):
    client, agent, _phones = story
    make = desk.make
    task = planned(desk.api(agent), client)
    one = f"{PATH}/{task['reference']}"
    run = desk.api(agent).post(f"{one}/runs").json()["id"]
    reader, stranger = desk.api(make.contact(client)), desk.api(make.contact())
    assert reader.get(one).status_code == reader.get(f"{one}/runs/{run}").status_code == 200
    assert reader.post(PATH, json=body_for(client)).status_code == 403
    acts = ("runs", f"runs/{run}/cancel", f"runs/{run}/again", "switch-on", "switch-off", "end")
    for act in acts:
        assert reader.post(f"{one}/{act}").status_code == 403, act
        assert stranger.post(f"{one}/{act}").status_code == 404, act
    change = body_for(client, version=1)
    assert (
        reader.put(one, json=change).status_code,
        stranger.put(one, json=change).status_code,
    ) == (
        403,
        404,
    )
    assert stranger.get(f"{one}/runs/{run}/lines").status_code == 404
    assert stranger.get(f"{one}/dry-run").status_code == 404


@pytest.mark.parametrize(
    "more",
    [
        {"title": ""},
        {"title": "a\x00b"},
        {"title": "\ud800"},
        {"client": "CLI-9999"},
        {"client": "\x00"},
        {"client": ""},
        {"category": "poem"},
        {"code": "device.nothing"},
        {"code": "\x00"},
        {"work": "check", "code": "nothing"},
        {"work": "check", "code": "engines.reachable", "parameters": {"x": 1}},
        {"parameters": {}},
        {"parameters": {"text": {"a": []}}},
        {"parameters": {"text": "x", "other": "y"}},
        {"parameters": {"text": "a\x00b"}},
        {"groups": ["Nobody's"]},
        {"groups": ["\x00"]},
        {"groups": "Drivers"},
        {"devices": ["DEV-999999"]},
        {"devices": [HUGE] * 501},
        {"owner_id": int(HUGE)},
        {"owner_id": 2**31 - 1},
        {"notice_days": int(HUGE)},
        {"window_minutes": -1},
        {"incident": "INC-2026-999999"},
        {"schedule": {}},
        {"schedule": {"kind": "cron"}},
        {"schedule": {"kind": "cron", "expression": "nonsense"}},
        {"schedule": {"kind": "cron", "expression": "\x00 * * * *"}},
        {"schedule": {"kind": "cron", "expression": "* * * * *", "zone": "../etc/passwd"}},
        {"schedule": {"kind": "cron", "expression": "* * * * *", "zone": "\x00"}},
        {"schedule": {"kind": "cron", "expression": "* * * * *", "until": "1999-01-01"}},
        {"schedule": {"kind": "once", "at": "9999-12-31T23:59:59-12:00"}},
        {"schedule": {"kind": "once", "at": "0001-01-01T00:00:00+14:00"}},
        {"schedule": {"kind": "once", "at": "2026-01-01T00:00:00"}},
        {"schedule": {"kind": "once", "at": "2027-01-01T00:00:00Z", "zone": "Nowhere"}},
        {"schedule": {"kind": "interval", "count": 1, "unit": "day"}},
        {
            "schedule": {
                "kind": "interval",
                "count": int(HUGE),
                "unit": "day",
                "starts_at": "2026-01-01T00:00:00",
            }
        },
        {
            "schedule": {
                "kind": "interval",
                "count": 1,
                "unit": "second",
                "starts_at": "2026-01-01T00:00:00",
            }
        },
        {"schedule": {"kind": "after", "minutes": 5}},
        {"schedule": {"kind": "after", "minutes": 5, "after": "\x00"}},
    ],
)
def test_what_cannot_be_is_a_problem_and_nothing_is_planned(desk, story, more):
    client, agent, _phones = story
    api = desk.api(agent)
    for path in (PATH, f"{PATH}/dry-run"):
        answer = api.post(
            path,
            content=json.dumps(body_for(client, **more)),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 422, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert api.get(PATH, params={"client": client.reference}).json()["items"] == []


def test_odd_queries_are_problems(desk, story):
    api = desk.api(story[1])
    for path in (
        f"{PATH}?cursor=zzz",
        f"{PATH}?limit=0",
        f"{PATH}?limit={HUGE}",
        f"{PATH}?state=poem",
        f"{PATH}?client=%00",
        f"{PATH}/TP-%00",
        f"{PATH}/TP-2026-999999/runs/{HUGE}",
        f"{PATH}/TP-2026-999999/runs/1/lines?cursor=zzz",
    ):
        assert api.get(path).status_code < 500, path


def test_two_who_change_at_once_do_not_overwrite_each_other(desk, story):
    client, agent, _phones = story
    api = desk.api(agent)
    task = planned(api, client)
    one = f"{PATH}/{task['reference']}"

    def change(number):
        body = body_for(client, title=f"By {number}", version=task["version"])
        return api.put(one, json=body).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(change, range(4)))
    assert answers == [200, 409, 409, 409]
    assert api.get(one).json()["version"] == task["version"] + 1


def test_two_who_cancel_at_once_are_told_who_was_first(desk, story):
    client, agent, _phones = story
    api = desk.api(agent)
    later = {"kind": "after", "minutes": 60}
    first = planned(api, client, work="checklist", steps=["x"], groups=[], code="", parameters={})
    follows = later | {"after": first["reference"]}
    task = planned(api, client, schedule=follows)
    one = f"{PATH}/{task['reference']}"
    run = api.post(f"{one}/runs").json()["id"]
    with ThreadPoolExecutor(4) as pool:
        acts = pool.map(lambda _n: api.post(f"{one}/runs/{run}/cancel").status_code, range(4))
        answers = sorted(acts)
    assert answers[0] in {200, 409}  # it may have been done before anybody came
    assert set(answers) <= {200, 409}
    assert answers.count(200) <= 1
