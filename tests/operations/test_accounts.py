from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from servicedesk.accounts import (
    administration,
    commands,
    links,
    passwords,
    people,
    queries,
    sign_in,
    tokens,
)
from servicedesk.accounts.models import ApiToken, Credential, OneTimeLink, SignInAttempt, User
from servicedesk.clients.actors import actor_for, person_for_session
from servicedesk.core import audit, clock, database
from servicedesk.core.actors import GATE, SYSTEM, Role
from servicedesk.core.errors import Forbidden, InvalidInput, NotFound
from servicedesk.core.mail import OutgoingMail
from servicedesk.core.unit_of_work import unit_of_work
from tests.check_round import check_now

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PASSWORD = "un caballo correcto"
WRONG = "un caballo equivocado"
URL = "https://desk.example"
HERE, ELSEWHERE = "192.0.2.7", "198.51.100.9"

pytestmark = pytest.mark.usefixtures("sessions")


@pytest.fixture(autouse=True)
def _at_start(monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", [passwords.CHEAP])
    with clock.told_as(START):
        yield


def at(**later):
    return clock.told_as(START + timedelta(**later))


def person(email, role=Role.AGENT, name="Ana Ruiz", password=PASSWORD):
    with unit_of_work(SYSTEM, "tests.person") as work:
        user = people.add_account(work, email=email, name=name, role=role, language="es")
        if password:
            people.credential_of(work, user).password_hash = passwords.hash_password(password)
    return as_system(lambda: actor_for(user, HERE))


def as_system(read):
    with database.acting_as(SYSTEM):
        answer = read()
        database.session().expunge_all()
        database.session().rollback()
    return answer


def rows(model):
    return as_system(lambda: list(database.session().scalars(select(model).order_by(model.id))))


def mails():
    return as_system(
        lambda: [
            (mail.template, mail.recipient, mail.context)
            for mail in database.session().scalars(select(OutgoingMail).order_by(OutgoingMail.id))
        ]
    )


def token_in_last_mail():
    return mails()[-1][2]["link"].rsplit("/", 1)[1]


def reset_link(email="ana@desk.example"):
    links.answer_reset_request(email, HERE, URL)
    return token_in_last_mail()


def refused(email="ana@desk.example", password=WRONG, address=HERE):
    with pytest.raises(sign_in.SignInRefused) as refusal:
        sign_in.sign_in(email, password, address)
    return refusal.value


def session_lives(entered, address=HERE):
    with database.acting_as(GATE):
        return person_for_session(entered.session_id, address) is not None


# signing in


def test_the_right_password_opens_the_desk_whatever_the_case_of_the_address():
    ana = person("ana@desk.example")

    entered = sign_in.sign_in("  Ana@Desk.EXAMPLE ", PASSWORD, HERE)

    assert (entered.user_id, entered.step) == (ana.user_id, sign_in.Step.SIGNED_IN)
    assert session_lives(entered)


def test_unknown_closed_passwordless_and_wrong_are_refused_in_the_same_words():
    person("ana@desk.example")
    closed = person("cerrada@desk.example")
    person("nueva@desk.example", password=None)
    supervisor = person("jefa@desk.example", Role.SUPERVISOR)
    administration.deactivate_account(supervisor, closed.user_id)

    answers = {
        (str(error), error.code, error.field, error.status)
        for error in (
            refused(),
            refused("nobody@desk.example", PASSWORD),
            refused("cerrada@desk.example", PASSWORD),
            refused("nueva@desk.example", ""),
            refused("\x00'; --", PASSWORD),
            refused("a" * 400, PASSWORD),
        )
    }

    assert len(answers) == 1


def test_a_failed_try_is_kept_although_the_sign_in_is_refused():
    person("ana@desk.example")

    refused()

    assert [(row.email, row.address, row.succeeded) for row in rows(SignInAttempt)] == [
        ("ana@desk.example", HERE, False)
    ]


@pytest.mark.parametrize("email", ["ana@desk.example", "nobody@desk.example"])
def test_the_eleventh_try_is_refused_even_with_the_right_password_from_anywhere(email):
    person("ana@desk.example")
    for minute in range(10):
        with at(minutes=minute):
            refused(email)

    with at(minutes=10), pytest.raises(sign_in.TooManyTries) as refusal:
        sign_in.sign_in(email, PASSWORD, ELSEWHERE)

    # the first of the ten leaves the window at 09:15
    assert refusal.value.retry_after == timedelta(minutes=5)
    assert str(refusal.value) == "Too many attempts. Try again in 5 min."


def test_the_window_slides_and_refused_tries_do_not_prolong_it():
    person("ana@desk.example")
    for _ in range(10):
        refused()
    for minute in range(1, 15):
        with at(minutes=minute), pytest.raises(sign_in.TooManyTries):
            sign_in.sign_in("ana@desk.example", "guess", ELSEWHERE)

    with at(minutes=15, seconds=1):
        assert sign_in.sign_in("ana@desk.example", PASSWORD, HERE)


def test_a_success_starts_the_accounts_count_anew():
    person("ana@desk.example")
    for _ in range(9):
        refused()
    with at(seconds=1):
        sign_in.sign_in("ana@desk.example", PASSWORD, HERE)
    with at(seconds=2):
        for _ in range(10):
            refused()

        with pytest.raises(sign_in.TooManyTries):
            sign_in.sign_in("ana@desk.example", PASSWORD, HERE)


def test_the_owner_gets_in_by_a_reset_link_while_somebody_keeps_guessing():
    person("ana@desk.example")
    for _ in range(10):
        refused(address=ELSEWHERE)
    with at(minutes=1):
        links.use_link(reset_link(), "otro caballo distinto", HERE)

    with at(minutes=2):
        assert sign_in.sign_in("ana@desk.example", "otro caballo distinto", HERE)


def test_an_address_has_a_hundred_tries_over_all_accounts_and_no_success_gives_it_more():
    person("ana@desk.example")
    for number in range(99):
        refused(f"person{number}@desk.example")
    sign_in.sign_in("ana@desk.example", PASSWORD, HERE)
    refused("person99@desk.example")

    with pytest.raises(sign_in.TooManyTries):
        sign_in.sign_in("ana@desk.example", PASSWORD, HERE)
    assert sign_in.sign_in("ana@desk.example", PASSWORD, ELSEWHERE)


def test_tries_that_arrive_together_are_counted_one_by_one(sessions):
    person("ana@desk.example")
    outcomes = []

    def guess():
        with clock.told_as(START):
            try:
                sign_in.sign_in("ana@desk.example", "guess", HERE)
            except (sign_in.SignInRefused, sign_in.TooManyTries) as error:
                outcomes.append(type(error))
            finally:
                sessions.remove()

    guesses = [threading.Thread(target=guess) for _ in range(16)]
    for thread in guesses:
        thread.start()
    for thread in guesses:
        thread.join()

    assert outcomes.count(sign_in.SignInRefused) == 10
    assert outcomes.count(sign_in.TooManyTries) == 6


def test_a_hash_of_old_parameters_is_replaced_at_sign_in():
    ana = person("ana@desk.example")
    old = passwords.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with unit_of_work(SYSTEM, "tests.age") as work:
        work.session.get(Credential, ana.user_id).password_hash = old

    sign_in.sign_in("ana@desk.example", PASSWORD, HERE)

    kept = as_system(lambda: database.session().get(Credential, ana.user_id).password_hash)
    assert kept != old
    assert not passwords.needs_rehash(kept)
    assert sign_in.sign_in("ana@desk.example", PASSWORD, HERE)


def test_an_unknown_account_is_hashed_for_as_well(monkeypatch):
    verified = []
    real = passwords.CHEAP.verify

    class Watched:
        check_needs_rehash = passwords.CHEAP.check_needs_rehash
        hash = passwords.CHEAP.hash

        def verify(self, kept, given):
            verified.append(kept)
            return real(kept, given)

    monkeypatch.setattr(passwords, "_hasher", [Watched()])
    refused("nobody@desk.example")

    assert len(verified) == 1


# sessions


def test_ending_all_sessions_ends_those_of_before_at_once():
    ana = person("ana@desk.example")
    before = sign_in.sign_in("ana@desk.example", PASSWORD, HERE)

    sign_in.end_all_sessions(ana, ana.user_id)

    assert not session_lives(before)
    assert session_lives(sign_in.sign_in("ana@desk.example", PASSWORD, HERE))


def test_only_a_supervisor_ends_other_peoples_sessions():
    ana, luis = person("ana@desk.example"), person("luis@desk.example")
    supervisor = person("jefa@desk.example", Role.SUPERVISOR)
    entered = sign_in.sign_in("luis@desk.example", PASSWORD, HERE)

    with pytest.raises(Forbidden):
        sign_in.end_all_sessions(ana, luis.user_id)
    assert session_lives(entered)
    sign_in.end_all_sessions(supervisor, luis.user_id)
    assert not session_lives(entered)


@pytest.mark.parametrize("cookie", ["", "1", ":", "x:1", "1:x", "-1:1", "9" * 30 + ":1", "1:1:1"])
def test_a_crippled_cookie_is_nobody(cookie):
    with database.acting_as(GATE):
        assert person_for_session(cookie, HERE) is None


def test_changing_the_password_ends_other_sessions_and_tells_the_owner():
    ana = person("ana@desk.example")
    before = sign_in.sign_in("ana@desk.example", PASSWORD, HERE)

    renewed = sign_in.change_own_password(ana, PASSWORD, "otro caballo distinto")

    assert not session_lives(before)
    assert session_lives(renewed)
    assert [(template, to) for template, to, _ in mails()] == [
        ("password_changed", "ana@desk.example")
    ]
    refused(password=PASSWORD)
    assert sign_in.sign_in("ana@desk.example", "otro caballo distinto", HERE)


def test_guessing_the_current_password_from_within_is_limited_too():
    ana = person("ana@desk.example")
    for _ in range(10):
        with pytest.raises(sign_in.SignInRefused) as refusal:
            sign_in.change_own_password(ana, "guess", "otro caballo distinto")
        assert refusal.value.field == "current"

    with pytest.raises(sign_in.TooManyTries):
        sign_in.change_own_password(ana, PASSWORD, "otro caballo distinto")


# links


def test_a_reset_link_works_once_and_ends_sessions():
    person("ana@desk.example")
    before = sign_in.sign_in("ana@desk.example", PASSWORD, HERE)
    token = reset_link()

    links.use_link(token, "otro caballo distinto", HERE)

    assert not session_lives(before)
    for again in (
        lambda: links.use_link(token, "un tercer caballo", HERE),
        lambda: links.link_holder(token),
    ):
        with pytest.raises(links.LinkNotValid):
            again()
    assert sign_in.sign_in("ana@desk.example", "otro caballo distinto", HERE)


def test_looking_at_a_link_does_not_use_it_up():
    person("ana@desk.example")
    token = reset_link()

    assert links.link_holder(token) == links.link_holder(token)


def test_a_refused_password_leaves_the_link_working():
    person("ana@desk.example")
    token = reset_link()

    with pytest.raises(InvalidInput):
        links.use_link(token, "corto", HERE)

    links.use_link(token, "otro caballo distinto", HERE)


@pytest.mark.parametrize(("minutes", "works"), [(29, True), (30, False), (31, False)])
def test_a_reset_link_lives_half_an_hour(minutes, works):
    person("ana@desk.example")
    token = reset_link()

    with at(minutes=minutes):
        if works:
            links.use_link(token, "otro caballo distinto", HERE)
        else:
            with pytest.raises(links.LinkNotValid):
                links.use_link(token, "otro caballo distinto", HERE)


@pytest.mark.parametrize(("days", "works"), [(6, True), (7, False)])
def test_a_first_link_lives_seven_days(days, works):
    supervisor = person("jefa@desk.example", Role.SUPERVISOR)
    administration.create_account(
        supervisor, email="nuevo@desk.example", name="Eva Gil", role=Role.AGENT, public_url=URL
    )
    token = token_in_last_mail()

    with at(days=days):
        if works:
            links.use_link(token, PASSWORD, HERE)
            assert sign_in.sign_in("nuevo@desk.example", PASSWORD, HERE)
        else:
            with pytest.raises(links.LinkNotValid):
                links.use_link(token, PASSWORD, HERE)


def test_a_used_link_voids_the_others_sent_before():
    person("ana@desk.example")
    first, second = reset_link(), reset_link()

    with at(minutes=1):
        links.use_link(second, "otro caballo distinto", HERE)
        with pytest.raises(links.LinkNotValid):
            links.use_link(first, "un tercer caballo", HERE)


def test_only_the_hash_of_a_link_is_kept_and_the_host_comes_from_the_settings():
    person("ana@desk.example")
    token = reset_link()

    assert mails()[-1][2]["link"] == f"{URL}/password/link/{token}"
    assert len(token) >= 43
    assert token not in {row.token_hash for row in rows(OneTimeLink)}


def test_asking_for_a_reset_does_the_same_for_known_and_unknown_accounts():
    person("ana@desk.example")

    links.request_password_reset("Ana@desk.example", HERE, URL)
    links.request_password_reset("nobody@desk.example", HERE, URL)

    with database.session().get_bind().connect() as connection:
        jobs = connection.execute(text("SELECT task_name, args FROM procrastinate_jobs")).all()
    assert sorted((name, args["email"]) for name, args in jobs) == [
        ("accounts.answer_reset_request", "ana@desk.example"),
        ("accounts.answer_reset_request", "nobody@desk.example"),
    ]
    assert mails() == []


def test_unknown_and_closed_accounts_get_no_link():
    closed = person("cerrada@desk.example")
    administration.deactivate_account(person("jefa@desk.example", Role.SUPERVISOR), closed.user_id)

    links.answer_reset_request("nobody@desk.example", HERE, URL)
    links.answer_reset_request("cerrada@desk.example", HERE, URL)

    assert mails() == []


def test_an_account_gets_three_reset_mails_an_hour():
    person("ana@desk.example")
    for minute in (0, 10, 20, 30, 59):
        with at(minutes=minute):
            links.answer_reset_request("ana@desk.example", HERE, URL)
    assert len(mails()) == 3

    with at(minutes=61):
        links.answer_reset_request("ana@desk.example", HERE, URL)
    assert len(mails()) == 4


def test_two_uses_of_a_link_at_once_set_one_password(sessions):
    person("ana@desk.example")
    token, outcomes = reset_link(), []

    def use(password):
        with clock.told_as(START + timedelta(minutes=1)):
            try:
                links.use_link(token, password, HERE)
                outcomes.append("used")
            except links.LinkNotValid:
                outcomes.append("refused")
            finally:
                sessions.remove()

    both = [threading.Thread(target=use, args=(f"caballo número {n}",)) for n in range(4)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()

    assert sorted(outcomes) == ["refused", "refused", "refused", "used"]


# administration


def test_a_supervisor_adds_an_agent_who_gets_a_link_and_never_a_password():
    supervisor = person("jefa@desk.example", Role.SUPERVISOR)

    user = administration.create_account(
        supervisor,
        email="Nuevo@desk.example",
        name="  Eva   Gil ",
        role=Role.AGENT,
        public_url=URL,
        language="en",
    )

    assert (user.name, user.role, user.language) == ("Eva Gil", Role.AGENT, "en")
    ((template, recipient, context),) = mails()
    assert (template, recipient) == ("first_password", "Nuevo@desk.example")
    assert re.fullmatch(rf"{URL}/password/link/[\w-]{{43}}", context["link"])


@pytest.mark.parametrize("role", [Role.AGENT, Role.ACCOUNT_MANAGER, Role.CONTACT])
def test_nobody_else_administers_accounts(role):
    ana = person("ana@desk.example", role)
    acts = [
        lambda: administration.create_account(
            ana, email="x@desk.example", name="X", role=Role.SUPERVISOR, public_url=URL
        ),
        lambda: administration.deactivate_account(ana, 1),
        lambda: administration.activate_account(ana, 1),
        lambda: administration.send_first_password(ana, 1, URL),
        lambda: queries.accounts(ana),
        lambda: queries.account(ana, 1),
    ]

    for act in acts:
        with pytest.raises(Forbidden):
            act()


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("email", {"email": "not an address"}),
        ("email", {"email": "JEFA@desk.example"}),
        ("name", {"name": "  "}),
        ("name", {"name": "a\x00b"}),
        ("language", {"language": "fr"}),
        ("role", {"role": Role.CONTACT}),
        ("role", {"role": Role.SYSTEM}),
    ],
)
def test_wrong_input_names_its_field_and_adds_nobody(field, changed):
    supervisor = person("jefa@desk.example", Role.SUPERVISOR)
    facts = {"email": "x@desk.example", "name": "X", "role": Role.AGENT, "language": "es"}

    with pytest.raises(InvalidInput) as refusal:
        administration.create_account(supervisor, public_url=URL, **(facts | changed))

    assert refusal.value.field == field
    assert [user.email for user in rows(User)] == ["jefa@desk.example"]


def test_deactivating_ends_sessions_and_tokens_and_links_at_once():
    supervisor = person("jefa@desk.example", Role.SUPERVISOR)
    ana = person("ana@desk.example")
    entered = sign_in.sign_in("ana@desk.example", PASSWORD, HERE)
    plain, token = tokens.create_token(ana, "export"), reset_link()

    administration.deactivate_account(supervisor, ana.user_id)

    assert not session_lives(entered)
    assert by_token(plain) is None
    with pytest.raises(links.LinkNotValid):
        links.link_holder(token)
    administration.activate_account(supervisor, ana.user_id)
    assert sign_in.sign_in("ana@desk.example", PASSWORD, HERE)
    assert not session_lives(entered)
    assert by_token(plain) is None


def test_a_closed_account_gets_no_new_link():
    supervisor, ana = person("jefa@desk.example", Role.SUPERVISOR), person("ana@desk.example")
    administration.deactivate_account(supervisor, ana.user_id)

    with pytest.raises(administration.AccountClosed):
        administration.send_first_password(supervisor, ana.user_id, URL)


def test_the_last_supervisor_stays():
    first = person("jefa@desk.example", Role.SUPERVISOR)
    second = person("jefe@desk.example", Role.SUPERVISOR)
    with pytest.raises(administration.OwnAccount):
        administration.deactivate_account(first, first.user_id)

    administration.deactivate_account(first, second.user_id)

    # the second acts on, in a request that began before
    with pytest.raises(administration.LastSupervisor):
        administration.deactivate_account(second, first.user_id)
    assert as_system(lambda: database.session().get(User, first.user_id).is_active)


def test_the_audit_knows_who_closed_an_account_and_from_where_but_no_secret():
    supervisor, ana = person("jefa@desk.example", Role.SUPERVISOR), person("ana@desk.example")
    administration.deactivate_account(supervisor, ana.user_id)
    links.use_link(reset_link("jefa@desk.example"), "otro caballo distinto", ELSEWHERE)

    entries = {row.act: row for row in rows(audit.AuditEntry)}

    closing = entries["accounts.deactivate"]
    assert (closing.actor_id, closing.subject) == (supervisor.user_id, "ana@desk.example")
    assert HERE in closing.payload
    assert ELSEWHERE in entries["accounts.use_link"].payload
    assert "argon2" not in "".join(row.payload for row in entries.values())


def test_a_language_is_ones_own_choice():
    ana = person("ana@desk.example")

    administration.change_own_language(ana, "en")

    assert as_system(lambda: database.session().get(User, ana.user_id).language) == "en"
    with pytest.raises(InvalidInput):
        administration.change_own_language(ana, "xx")


def test_the_list_of_accounts_goes_on_where_it_stopped(monkeypatch):
    monkeypatch.setattr(queries, "PAGE", 2)
    supervisor = person("jefa@desk.example", Role.SUPERVISOR, "Zoe")
    for number, name in enumerate(["ana", "Ana", "Berta", "carla"]):
        person(f"p{number}@desk.example", name=name)
    seen, after = [], None
    with database.acting_as(supervisor):
        while True:
            page = queries.accounts(supervisor, after=after)
            seen += [line.name for line in page.lines]
            after = page.next
            if after is None:
                break
        database.session().rollback()

    assert seen == ["ana", "Ana", "Berta", "carla", "Zoe"]


# tokens


def by_token(plain):
    with database.acting_as(GATE):
        found = tokens.person_by_token(plain)
        database.session().rollback()
    return found


def test_a_token_names_its_owner_and_scopes_and_is_kept_as_a_hash():
    ana = person("ana@desk.example")

    plain = tokens.create_token(ana, "export", ["read"])

    user, token = by_token(plain)
    assert plain.startswith("sd_")
    assert (user.id, token.scopes) == (ana.user_id, ["read"])
    assert token.expires_at == START + timedelta(days=90)
    assert plain not in {row.secret_hash for row in rows(ApiToken)}
    assert by_token(plain + "x") is None
    assert by_token("\ud800") is None


@pytest.mark.parametrize(("days", "works"), [(9, True), (10, False), (11, False)])
def test_a_token_expires(days, works):
    plain = tokens.create_token(person("ana@desk.example"), "export", days=10)

    with at(days=days):
        assert (by_token(plain) is not None) is works


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("days", {"days": 366}),
        ("days", {"days": 0}),
        ("scopes", {"scopes": []}),
        ("scopes", {"scopes": ["admin"]}),
        ("name", {"name": " "}),
    ],
)
def test_a_token_of_wrong_input_is_not_made(field, changed):
    ana = person("ana@desk.example")

    with pytest.raises(InvalidInput) as refusal:
        tokens.create_token(ana, **({"name": "export"} | changed))

    assert refusal.value.field == field
    assert rows(ApiToken) == []


def test_a_revoked_token_is_nobodys():
    ana = person("ana@desk.example")
    plain = tokens.create_token(ana, "export")

    tokens.revoke_token(ana, rows(ApiToken)[0].id)

    assert by_token(plain) is None


@pytest.mark.parametrize("role", [Role.AGENT, Role.CONTACT])
def test_other_peoples_tokens_do_not_exist(role):
    plain = tokens.create_token(person("ana@desk.example"), "export")

    with pytest.raises(NotFound):
        tokens.revoke_token(person("luis@desk.example", role), rows(ApiToken)[0].id)

    assert by_token(plain) is not None


def test_the_last_use_is_noted_once_a_minute():
    plain = tokens.create_token(person("ana@desk.example"), "export")
    noted = []
    for seconds in (0, 30, 59, 60, 90):
        with at(seconds=seconds):
            by_token(plain)
        noted.append((rows(ApiToken)[0].last_used_at - START).seconds)

    assert noted == [0, 0, 0, 60, 60]


def test_a_contact_makes_tokens_and_changes_the_password_behind_the_wall():
    contact = person("contacto@norte.example", Role.CONTACT)

    plain = tokens.create_token(contact, "informes", ["read"])
    sign_in.change_own_password(contact, PASSWORD, "otro caballo distinto")
    administration.change_own_language(contact, "en")
    sign_in.end_all_sessions(contact, contact.user_id)
    tokens.revoke_token(contact, rows(ApiToken)[0].id)

    assert by_token(plain) is None


def test_old_tries_are_forgotten():
    refused("nobody@desk.example")
    with at(days=29):
        refused("nobody@desk.example")
    with at(days=31):
        check_now("house.expiries")

    assert len(rows(SignInAttempt)) == 1


# the command line


def run(group, *arguments):
    accounts, token_group = commands.account_commands(URL)
    chosen = {"accounts": accounts, "tokens": token_group}[group]
    return CliRunner().invoke(chosen, arguments)


def test_the_command_prints_just_the_token():
    ana = person("ana@desk.example")

    done = run("tokens", "create", "Ana@desk.example", "--name", "export", "--scope", "read")

    plain = done.stdout.removesuffix("\n")
    user, token = by_token(plain)
    assert (user.id, token.scopes, done.exit_code) == (ana.user_id, ["read"], 0)


@pytest.mark.parametrize(
    "arguments", [["nobody@desk.example"], ["ana@desk.example", "--days", "999"]]
)
def test_a_command_that_is_refused_prints_no_token(arguments):
    person("ana@desk.example")

    done = run("tokens", "create", *arguments, "--name", "export")

    assert (done.exit_code, done.stdout) == (1, "")
    assert rows(ApiToken) == []


def test_the_first_supervisor_gets_in_by_the_printed_link():
    done = run("accounts", "create", "jefa@desk.example", "--name", "Eva Gil")

    links.use_link(done.stdout.strip().removeprefix(f"{URL}/password/link/"), PASSWORD, HERE)
    entered = sign_in.sign_in("jefa@desk.example", PASSWORD, HERE)
    assert as_system(lambda: database.session().get(User, entered.user_id).role) is Role.SUPERVISOR
    assert mails()[0][0] == "password_changed"
