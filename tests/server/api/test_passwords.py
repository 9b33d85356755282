"""Which passwords are taken, who may set one, and the second factor beside them."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from server.db import session_scope, utcnow
from server.errors import BadInput
from server.models import AuditEntry, PasswordLink, RecoveryCode, User
from server.models.user import Role
from server.security import no_password, require_good, verify_password
from server.services.accounts import second_factor
from server.settings import get_settings
from tests.command import run_here
from tests.server.people import EMAILS, PASSWORD

Clients = Callable[[], TestClient]
GOOD = "a heron waits for rain"
OTHER = "two herons wait no more"


def sign_in_as(client: TestClient, email: str, password: str, **more: Any) -> Any:
    return client.post("/api/v1/session", json={"email": email, "password": password, **more})


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "123456789012", "qwertyuiop12", "aaaaaaaaaaaa", "P@ssw0rd2024",
        "letmeinletmein", "\uff50assword1234", "Mara.Miller@example.org", "x mara.miller@example.org",
        "mara.miller2026", "1234567890" * 15,
    ],
)  # fmt: skip
def test_what_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(BadInput) as refused:
        require_good(password, "mara.miller@example.org")
    assert refused.value.problem_code == "weak-password"


@pytest.mark.parametrize(
    "password", [PASSWORD, GOOD, "0a1b2c3d4e5f", "\u96e8" * 3 + "kasa no shita"]
)
def test_what_is_not_is_taken(password: str) -> None:
    require_good(password, "mara.miller@example.org")


def test_no_door_takes_a_weak_password(
    admin: TestClient, annotator: TestClient, app_client: Clients, people: dict[Role, int],
    database: str,
) -> None:  # fmt: skip
    weak, short = "password1234", "heron rain!"
    person = f"/api/v1/users/{people[Role.ENGINEER]}"
    secret = admin.post(f"{person}/password-link").json()["secret"]
    for password in (weak, short):
        for answer in (
            admin.post("/api/v1/users", json={"email": "a@b.c", "password": password}),
            admin.patch(person, json={"password": password}),
            annotator.post("/api/v1/me/password", json={"current": PASSWORD, "new": password}),
            app_client().post(
                "/api/v1/password-link", json={"secret": secret, "password": password}
            ),
        ):
            assert answer.status_code == 422, answer.text
        for command in (("add", "b@b.c"), ("password", EMAILS[Role.ENGINEER])):
            given = {"WEAKSEG_PASSWORD": password}
            ended = run_here("user", *command, environment=given, folder=get_settings().data)
            assert ended.returncode == 2, ended.stderr
    assert sign_in_as(app_client(), EMAILS[Role.ENGINEER], PASSWORD).status_code == 200


def test_the_same_password_is_no_new_one(annotator: TestClient) -> None:
    same = annotator.post("/api/v1/me/password", json={"current": PASSWORD, "new": PASSWORD})
    assert code_of(same) == (422, "same-password")


ASKED_BEFORE = [
    ("GET", "/api/v1/projects"), ("GET", "/api/v1/tokens"), ("POST", "/api/v1/tokens"),
    ("GET", "/api/v1/users"), ("GET", "/api/v1/me/sessions"), ("POST", "/api/v1/projects"),
]  # fmt: skip


def test_a_password_that_somebody_else_set_is_changed_first(
    admin: TestClient, app_client: Clients, people: dict[Role, int]
) -> None:
    new = {"email": "new@example.org", "password": GOOD, "role": "admin"}
    assert admin.post("/api/v1/users", json=new).status_code == 201
    reset = {"password": GOOD}
    assert admin.patch(f"/api/v1/users/{people[Role.ANNOTATOR]}", json=reset).is_success
    for email in (new["email"], EMAILS[Role.ANNOTATOR]):
        client = app_client()
        assert sign_in_as(client, email, GOOD).json()["must_change_password"] is True
        for method, path in ASKED_BEFORE:
            answer = client.request(method, path, json={"name": "t"} if method == "POST" else None)
            assert code_of(answer) == (403, "password-change-needed"), path
        assert client.get("/api/v1/me").json()["must_change_password"] is True
        change = {"current": GOOD, "new": OTHER}
        assert client.post("/api/v1/me/password", json=change).status_code == 204
        assert client.get("/api/v1/projects").status_code == 200
        assert client.get("/api/v1/me").json()["must_change_password"] is False
    robot = {"email": "robot@example.org", "password": GOOD, "must_change": False}
    assert admin.post("/api/v1/users", json=robot).status_code == 201
    client = app_client()
    sign_in_as(client, "robot@example.org", GOOD)
    assert client.get("/api/v1/projects").status_code == 200


def test_the_command_sets_a_password(app_client: Clients, people: dict[Role, int]) -> None:
    email = EMAILS[Role.ANNOTATOR]
    before = app_client()
    assert sign_in_as(before, email, PASSWORD).is_success

    def command(*options: str, password: str) -> None:
        given = {"WEAKSEG_PASSWORD": password}
        folder = get_settings().data
        ended = run_here("user", "password", email, *options, environment=given, folder=folder)
        assert ended.returncode == 0, ended.stderr

    command(password=GOOD)
    assert before.get("/api/v1/me").status_code == 401
    assert sign_in_as(app_client(), email, GOOD).json()["must_change_password"] is True
    command("--no-must-change", password=OTHER)
    assert sign_in_as(app_client(), email, OTHER).json()["must_change_password"] is False
    nobody = run_here("user", "password", "no@b.c", environment={"WEAKSEG_PASSWORD": GOOD},
                      folder=get_settings().data)  # fmt: skip
    assert (nobody.returncode, "there is no account" in nobody.stderr) == (2, True)


def test_an_invitation_sets_the_first_password_once(admin: TestClient, app_client: Clients) -> None:
    body = {"email": "new@example.org", "role": "annotator"}
    made = admin.post("/api/v1/users", json=body).json()
    for guess in ("", "none:", "none"):
        assert sign_in_as(app_client(), "new@example.org", guess).status_code == 401
    link = admin.post(f"/api/v1/users/{made['id']}/password-link").json()
    assert link["path"] == f"/sign-in#{link['secret']}"
    ends = datetime.fromisoformat(link["expires_at"])
    assert timedelta(hours=47) < ends - utcnow() <= timedelta(hours=48)
    with session_scope(read_only=True) as session:
        stored = session.scalars(select(PasswordLink.secret_hash)).all()
    assert link["secret"] not in stored
    stranger = app_client()
    secret = {"secret": link["secret"]}
    owner = stranger.post("/api/v1/password-link/owner", json=secret)
    assert owner.json() == {"email": "new@example.org"}
    use = secret | {"password": GOOD}
    assert stranger.post("/api/v1/password-link", json=use).status_code == 204
    assert stranger.get("/api/v1/me").status_code == 401, "it opens nothing by itself"
    entered = sign_in_as(stranger, "new@example.org", GOOD)
    assert entered.json()["must_change_password"] is False, "nobody else knows it"
    again = stranger.post("/api/v1/password-link", json=use | {"password": OTHER})
    assert code_of(again) == (404, "no-link")
    assert code_of(stranger.post("/api/v1/password-link/owner", json=secret)) == (404, "no-link")


def test_a_reset_by_link_ends_what_was(
    admin: TestClient, annotator: TestClient, app_client: Clients, people: dict[Role, int]
) -> None:
    url = f"/api/v1/users/{people[Role.ANNOTATOR]}/password-link"
    first, second = admin.post(url).json()["secret"], admin.post(url).json()["secret"]
    assert annotator.get("/api/v1/me").status_code == 200, "nothing ends before it is used"

    def use(secret: str) -> int:
        body = {"secret": secret, "password": GOOD}
        return app_client().post("/api/v1/password-link", json=body).status_code

    assert use(first) == 404, "a newer link ends it"
    assert use(second) == 204
    assert annotator.get("/api/v1/me").status_code == 401


def later(admin: TestClient, user_id: int) -> None:
    with session_scope() as session:
        session.execute(update(PasswordLink).values(expires_at=utcnow() - timedelta(seconds=1)))


def lock_out_and_back(admin: TestClient, user_id: int) -> None:
    for active in (False, True):
        assert admin.patch(f"/api/v1/users/{user_id}", json={"active": active}).is_success


def change_the_password(admin: TestClient, user_id: int) -> None:
    assert admin.patch(f"/api/v1/users/{user_id}", json={"password": OTHER}).is_success


@pytest.mark.parametrize("ending", [later, lock_out_and_back, change_the_password])
def test_a_link_ends(
    admin: TestClient, people: dict[Role, int], ending: Callable[[TestClient, int], None]
) -> None:
    url = f"/api/v1/users/{people[Role.ANNOTATOR]}/password-link"
    secret = {"secret": admin.post(url).json()["secret"]}
    ending(admin, people[Role.ANNOTATOR])
    assert admin.post("/api/v1/password-link/owner", json=secret).status_code == 404
    use = secret | {"password": GOOD}
    assert admin.post("/api/v1/password-link", json=use).status_code == 404


def test_who_is_locked_out_gets_no_link(admin: TestClient, people: dict[Role, int]) -> None:
    url = f"/api/v1/users/{people[Role.ANNOTATOR]}"
    assert admin.patch(url, json={"active": False}).is_success
    assert code_of(admin.post(f"{url}/password-link")) == (409, "locked-out")


def test_an_account_without_a_password_opens_by_none() -> None:
    nothing = no_password()
    for guess in ("", nothing, "none:", nothing.removeprefix("none:")):
        assert not verify_password(guess, nothing)


# --- the second factor


class Clock:
    """The time as the server sees it, and the code of an app at that time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime(2026, 11, 29, 12, 0, 15, tzinfo=UTC)
        monkeypatch.setattr(second_factor, "utcnow", lambda: self.now)

    def pass_by(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def code(self, secret: str, off: int = 0) -> str:
        return pyotp.TOTP(secret).at(self.now + timedelta(seconds=off))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def enrol(client: TestClient, clock: Clock) -> str:
    offer = client.post("/api/v1/me/second-factor").json()
    secret = str(offer["secret"])
    body = {"secret": secret, "code": clock.code(secret), "password": PASSWORD}
    answer = client.put("/api/v1/me/second-factor", json=body)
    assert answer.status_code == 204, answer.text
    return secret


def test_the_codes_are_those_of_the_standard(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 6238, appendix B (SHA-1), the last six of its eight digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        at = datetime.fromtimestamp(seconds, UTC)
        monkeypatch.setattr(second_factor, "utcnow", lambda at=at: at)
        assert second_factor._step_of(secret, code, after=None) == seconds // 30
        assert second_factor._step_of(secret, code, after=seconds // 30) is None


def test_a_second_factor_is_asked_for_once_it_is_confirmed(
    annotator: TestClient, app_client: Clients, clock: Clock
) -> None:
    email = EMAILS[Role.ANNOTATOR]
    offer = annotator.post("/api/v1/me/second-factor").json()
    assert re.fullmatch(r"otpauth://totp/weakseg:annotator%40example.org\?.*", offer["uri"])
    assert offer["secret"] in offer["uri"]
    assert offer["picture"].startswith("<svg")
    assert sign_in_as(app_client(), email, PASSWORD).is_success, "nothing is stored yet"
    body = {"secret": offer["secret"], "code": "000000", "password": PASSWORD}
    assert code_of(annotator.put("/api/v1/me/second-factor", json=body)) == (422, "wrong-code")
    body["code"] = clock.code(offer["secret"])
    wrong = annotator.put("/api/v1/me/second-factor", json=body | {"password": "wrong"})
    assert code_of(wrong) == (403, "wrong-password")
    assert annotator.put("/api/v1/me/second-factor", json=body).status_code == 204
    assert annotator.get("/api/v1/me").json()["has_second_factor"] is True
    assert code_of(sign_in_as(app_client(), email, PASSWORD)) == (401, "second-factor")
    assert code_of(sign_in_as(app_client(), email, "wrong")) == (401, "wrong-credentials")
    used = sign_in_as(app_client(), email, PASSWORD, code=body["code"])
    assert code_of(used) == (401, "wrong-code"), "the code that confirmed it"
    clock.pass_by(30)
    code = clock.code(offer["secret"])
    wrong = sign_in_as(app_client(), email, "wrong", code=code)
    assert code_of(wrong) == (401, "wrong-credentials"), "which tells nothing of the code"
    assert sign_in_as(app_client(), email, PASSWORD, code=f"{code[:3]} {code[3:]}").is_success
    again = sign_in_as(app_client(), email, PASSWORD, code=code)
    assert code_of(again) == (401, "wrong-code"), "each is taken once"


@pytest.mark.parametrize(("off", "is_taken"), [(-60, False), (-30, True), (30, True), (60, False)])
def test_clocks_may_differ_by_half_a_minute(
    annotator: TestClient, app_client: Clients, clock: Clock, off: int, is_taken: bool
) -> None:
    secret = enrol(annotator, clock)
    clock.pass_by(300)
    code = clock.code(secret, off)
    answer = sign_in_as(app_client(), EMAILS[Role.ANNOTATOR], PASSWORD, code=code)
    assert answer.is_success == is_taken


def test_guesses_at_codes_are_counted(
    annotator: TestClient, app_client: Clients, clock: Clock
) -> None:
    secret = enrol(annotator, clock)
    clock.pass_by(30)
    right, email = clock.code(secret), EMAILS[Role.ANNOTATOR]
    wrong = "000000" if right != "000000" else "000001"
    client = app_client()
    answers = [sign_in_as(client, email, PASSWORD, code=wrong).status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]
    assert sign_in_as(client, email, PASSWORD, code=right).status_code == 429


def test_an_admin_takes_it_away_from_who_lost_the_app(
    admin: TestClient, annotator: TestClient, app_client: Clients, clock: Clock,
    people: dict[Role, int],
) -> None:  # fmt: skip
    email, url = EMAILS[Role.ANNOTATOR], f"/api/v1/users/{people[Role.ANNOTATOR]}"
    for way in ("page", "command"):
        enrol(annotator, clock)
        assert code_of(sign_in_as(app_client(), email, PASSWORD)) == (401, "second-factor")
        if way == "page":
            assert admin.delete(f"{url}/second-factor").status_code == 204
        else:
            command = ("user", "remove-second-factor", email)
            ended = run_here(*command, environment={}, folder=get_settings().data)
            assert ended.returncode == 0, ended.stderr
        assert sign_in_as(app_client(), email, PASSWORD).is_success


def test_admins_may_need_one(
    admin: TestClient, annotator: TestClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = admin.post("/api/v1/tokens", json={"name": "nightly"}).json()["token"]
    monkeypatch.setenv("WEAKSEG_ADMINS_NEED_SECOND_FACTOR", "true")
    get_settings.cache_clear()
    assert admin.get("/api/v1/me").json()["needs_second_factor"] is True
    assert annotator.get("/api/v1/me").json()["needs_second_factor"] is False
    for method, path in ASKED_BEFORE:
        answer = admin.request(method, path, json={"name": "t"} if method == "POST" else None)
        assert code_of(answer) == (403, "second-factor-needed"), path
    assert annotator.get("/api/v1/projects").status_code == 200
    program = {"Authorization": f"Bearer {token}"}
    assert admin.get("/api/v1/projects", headers=program).status_code == 200
    enrol(admin, clock)
    assert admin.get("/api/v1/users").status_code == 200
    assert admin.get("/api/v1/me").json()["needs_second_factor"] is False


def test_the_secret_is_told_to_nobody(
    admin: TestClient, annotator: TestClient, clock: Clock, people: dict[Role, int]
) -> None:
    secret = enrol(annotator, clock)
    with session_scope(read_only=True) as session:
        assert session.get_one(User, people[Role.ANNOTATOR]).totp_secret == secret
    for client, path in ((admin, "/users"), (annotator, "/me"), (annotator, "/me/sessions")):
        assert secret not in client.get(f"/api/v1{path}").text


def draw(client: TestClient) -> list[str]:
    answer = client.post("/api/v1/me/recovery-codes", json={"password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return list(answer.json()["codes"])


def test_a_recovery_code_is_taken_once_in_place_of_one_of_the_app(
    annotator: TestClient, app_client: Clients, clock: Clock, people: dict[Role, int]
) -> None:
    email = EMAILS[Role.ANNOTATOR]
    assert code_of(
        annotator.post("/api/v1/me/recovery-codes", json={"password": PASSWORD})
    ) == (409, "no-second-factor")  # fmt: skip
    enrol(annotator, clock)
    assert annotator.get("/api/v1/me/recovery-codes").json() == {"left": 0, "made_at": None}
    codes = draw(annotator)
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"([a-z2-9]{4}-){3}[a-z2-9]{4}", code) for code in codes)
    typed = codes[0].upper().replace("-", " ")
    assert sign_in_as(app_client(), email, PASSWORD, code=typed).is_success
    again = sign_in_as(app_client(), email, PASSWORD, code=codes[0])
    assert code_of(again) == (401, "wrong-code")
    wrong = sign_in_as(app_client(), email, "wrong", code=codes[1])
    assert code_of(wrong) == (401, "wrong-credentials"), "which uses up no code"
    assert annotator.get("/api/v1/me/recovery-codes").json()["left"] == 9
    with session_scope(read_only=True) as session:
        stored = session.scalars(select(RecoveryCode.code_hash)).all()
        lines = session.execute(
            select(AuditEntry.event, AuditEntry.user_id, AuditEntry.before, AuditEntry.after)
            .where(AuditEntry.event.in_(["recovery-codes-made", "recovery-code-used"]))
            .order_by(AuditEntry.id)
        ).all()
    assert not set(stored) & set(codes)
    person = people[Role.ANNOTATOR]
    assert [tuple(line) for line in lines] == [
        ("recovery-codes-made", person, {"left": 0}, {"left": 10}),
        ("recovery-code-used", person, None, {"left": 9}),
    ]


def test_recovery_codes_end_with_new_ones_another_app_and_the_factor(
    admin: TestClient,
    annotator: TestClient,
    app_client: Clients,
    clock: Clock,
    people: dict[Role, int],
) -> None:
    email = EMAILS[Role.ANNOTATOR]
    enrol(annotator, clock)
    wrong = annotator.post("/api/v1/me/recovery-codes", json={"password": "wrong"})
    assert code_of(wrong) == (403, "wrong-password")
    first, second = draw(annotator), draw(annotator)
    assert code_of(sign_in_as(app_client(), email, PASSWORD, code=first[0])) == (401, "wrong-code")
    assert sign_in_as(app_client(), email, PASSWORD, code=second[0]).is_success
    enrol(annotator, clock)
    assert code_of(sign_in_as(app_client(), email, PASSWORD, code=second[1])) == (401, "wrong-code")
    third = draw(annotator)
    url = f"/api/v1/users/{people[Role.ANNOTATOR]}/second-factor"
    assert admin.delete(url).status_code == 204
    enrol(annotator, clock)
    assert code_of(sign_in_as(app_client(), email, PASSWORD, code=third[0])) == (401, "wrong-code")


def test_guesses_at_recovery_codes_and_at_the_password_for_new_ones_are_counted(
    annotator: TestClient, app_client: Clients, clock: Clock
) -> None:
    enrol(annotator, clock)
    codes, email, client = draw(annotator), EMAILS[Role.ANNOTATOR], app_client()
    guesses = [sign_in_as(client, email, PASSWORD, code="aaaa-bbbb-cccc-dddd") for _ in range(10)]
    assert {guess.status_code for guess in guesses} == {401}
    assert sign_in_as(client, email, PASSWORD, code=codes[0]).status_code == 429
    body = {"password": "wrong"}
    drawn = [annotator.post("/api/v1/me/recovery-codes", json=body) for _ in range(11)]
    assert [answer.status_code for answer in drawn] == [403] * 10 + [429]


def test_a_recovery_code_sent_many_times_at_once_opens_once(
    annotator: TestClient, app_client: Clients, clock: Clock
) -> None:
    enrol(annotator, clock)
    code, email = draw(annotator)[0], EMAILS[Role.ANNOTATOR]
    clients = [app_client() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda one: sign_in_as(one, email, PASSWORD, code=code), clients))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
