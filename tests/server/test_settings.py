"""Settings that are secret, in the environment and in files."""

import os
from pathlib import Path
from urllib.parse import quote

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu.utils.url import parse_url
from pydantic import SecretStr, ValidationError
from sqlalchemy.engine import make_url

from server.errors import BadInput
from server.settings import Settings, secret_names
from tests.command import run_here

DATABASE, BROKER = "postgresql+psycopg://weakseg@db:5432/weakseg", "redis://redis:6379/0"
PASSWORD = "not-in-any-message"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with nothing in it or in the environment."""
    for name in os.environ:
        if name.startswith("WEAKSEG_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(monkeypatch: pytest.MonkeyPatch, **variables: object) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(f"WEAKSEG_{name}", str(value))
    return Settings()


def test_each_secret_may_stand_in_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(secret_names(Settings)) == {
        "database_url", "database_password", "broker_url", "broker_password", "metrics_token",
        "oidc_client_secret",
    }  # fmt: skip
    for name in secret_names(Settings):
        with monkeypatch.context() as patch:
            file = folder / name
            file.write_text(f"{name}://a secret\n")
            address = {f"{name.removesuffix('_password').upper()}_URL": "redis://redis"}
            others = address if name.endswith("_password") else {}
            found = settings(patch, **{f"{name.upper()}_FILE": file}, **others)
            secret: SecretStr = getattr(found, name)
            assert secret.get_secret_value() == f"{name}://a secret"
            assert "a secret" not in repr(found)


def test_the_file_may_be_named_in_the_settings_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "token").write_text("one")
    (folder / "other").write_text("two\n")
    (folder / ".env").write_text("WEAKSEG_METRICS_TOKEN_FILE=token\n")
    token = Settings().metrics_token
    assert token is not None
    assert token.get_secret_value() == "one"
    assert settings(monkeypatch, METRICS_TOKEN_FILE="").metrics_token == token
    assert settings(monkeypatch, METRICS_TOKEN_FILE="other").metrics_token == SecretStr("two")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"not-in-any-message\n\n", "has more than one line"),
        (b"not-in-any-message\nfurther\n", "has more than one line"),
        (b"not-in-any-message\r\n", "characters that nobody can see"),
        (b"not-in-any-message\0", "characters that nobody can see"),
        (b"not-in-any-message\xff", "is no UTF-8 text"),
    ],
)
def test_a_wrong_file_is_named_with_its_variable(
    folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, reason: str
) -> None:
    file = folder / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadInput) as raised:
        settings(monkeypatch, BROKER_PASSWORD_FILE=file, BROKER_URL=BROKER)
    assert raised.value.detail.startswith(f"WEAKSEG_BROKER_PASSWORD_FILE: {file}: ")
    assert reason in raised.value.detail
    assert PASSWORD not in raised.value.detail


def test_a_folder_is_no_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match=f"WEAKSEG_METRICS_TOKEN_FILE: {folder}: Is a directory"):
        settings(monkeypatch, METRICS_TOKEN_FILE=folder)


@pytest.mark.parametrize("name", secret_names(Settings))
@pytest.mark.parametrize("in_file", [False, True])
def test_a_secret_and_its_file_are_one_too_many(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, in_file: bool
) -> None:
    (folder / "secret").write_text("one")
    variable = f"WEAKSEG_{name.upper()}"
    if in_file:
        (folder / ".env").write_text(f"{variable}=two\n")
    else:
        monkeypatch.setenv(variable, "two")
    with pytest.raises(BadInput, match=f"{variable} and {variable}_FILE are both set"):
        settings(monkeypatch, **{f"{name.upper()}_FILE": "secret"})


def test_an_address_with_its_password_is_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, broker = "postgresql+psycopg://a:b%2F@c/d?e=f@g", "rediss://:p@host:1/0?x=y"
    found = settings(monkeypatch, DATABASE_URL=database, BROKER_URL=broker)
    assert (found.sqlalchemy_url, found.celery_url) == (database, broker)
    assert found.sqlalchemy_url != Settings(database_url=None).sqlalchemy_url
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert Settings(data=folder).sqlalchemy_url == f"sqlite:///{folder}/weakseg.sqlite3"


@pytest.mark.parametrize(
    ("database", "broker"),
    [
        (DATABASE, BROKER),
        ("postgresql+psycopg://weakseg@[::1]:5432/weakseg?x=a", "rediss://redis:1/0?x=a@b"),
        ("postgresql+psycopg://weakseg@/weakseg?host=/run", "redis://someone@[::1]/1"),
    ],
)
@hypothesis.settings(max_examples=30)
@given(password=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1))
def test_a_password_arrives_whatever_is_in_it(database: str, broker: str, password: str) -> None:
    secret = SecretStr(password)
    found = Settings(
        database_url=SecretStr(database), database_password=secret,
        broker_url=SecretStr(broker), broker_password=secret,
    )  # fmt: skip
    assert make_url(found.sqlalchemy_url) == make_url(database).set(password=password)
    assert found.celery_url is not None
    assert parse_url(found.celery_url) == parse_url(broker) | {"password": password}
    assert quote(password, safe="") in found.celery_url


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (None, "is not set"),
        ("sqlite:///data.sqlite3", "names no host"),
        ("postgresql+psycopg:///weakseg", "names no host"),
        ("postgresql+psycopg://weakseg:other@db/weakseg", "has a password already"),
        ("redis://:other@redis:6379/0", "has a password already"),
        ("sentinel://a:1;sentinel://b:2", "names several hosts"),
    ],
)
@pytest.mark.parametrize("name", ["database", "broker"])
def test_a_password_without_a_place_is_refused(
    folder: Path, name: str, address: str | None, reason: str
) -> None:
    given_settings = {f"{name}_url": address, f"{name}_password": PASSWORD}
    with pytest.raises(ValidationError) as raised:
        Settings.model_validate(given_settings)
    said = str(raised.value)
    assert f"WEAKSEG_{name.upper()}_PASSWORD: WEAKSEG_{name.upper()}_URL {reason}" in said
    assert PASSWORD not in said
    assert "other" not in said


def test_commands_say_what_is_wrong_in_one_line(folder: Path) -> None:
    given_settings = {"WEAKSEG_BROKER_PASSWORD_FILE": "gone", "WEAKSEG_DATA": str(folder)}
    ended = run_here("migrate", environment=given_settings, folder=folder)
    assert ended.returncode == 2
    message = "error: WEAKSEG_BROKER_PASSWORD_FILE: gone: No such file or directory"
    assert " ".join(ended.stderr.split()) == message


@pytest.mark.parametrize(
    ("given_settings", "reason"),
    [
        ({"OIDC_ISSUER": "http://sso.example.org"}, "has to begin with https://"),
        ({"OIDC_ISSUER": "https://sso.example.org/?a=b"}, "without ?, # and @"),
        ({"OIDC_ISSUER": "https://you:me@sso.example.org"}, "without ?, # and @"),
        ({"OIDC_ISSUER": "sso.example.org"}, "WEAKSEG_OIDC_ISSUER"),
        ({"OIDC_ISSUER": "https://sso.example.org"}, "WEAKSEG_OIDC_CLIENT_ID"),
        ({"OIDC_ONLY": "true"}, "WEAKSEG_OIDC_ISSUER is not set"),
        ({"OIDC_ORIGIN": "https://weakseg.example.org/path"}, "oidc_origin"),
        ({"OIDC_ROLES": '{"heads": "head"}'}, "oidc_roles"),
    ],
)
def test_a_provider_that_is_half_set_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, given_settings: dict[str, str], reason: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        settings(monkeypatch, **given_settings)
    assert reason in str(raised.value)


def test_a_provider_may_be_on_this_machine_and_roles_need_a_claim(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = settings(monkeypatch, OIDC_ISSUER="http://127.0.0.1:9", OIDC_CLIENT_ID="weakseg")
    assert (found.oidc_scopes, found.oidc_roles) == (("openid", "email"), ())
    with pytest.raises(ValidationError, match="need each other"):
        settings(monkeypatch, OIDC_ROLE_CLAIM="groups")
    found = settings(monkeypatch, OIDC_ROLES='{"ml": "engineer", "heads": "admin"}')
    assert found.oidc_roles == (("ml", "engineer"), ("heads", "admin"))
    assert isinstance(hash(found), int), "settings are kept by what they say"
