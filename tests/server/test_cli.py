"""The command line as people run it: processes, files, exit statuses, one line for what is wrong."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image
from sqlalchemy import select, text

from server import cli, db
from server.models import AuditEntry, AuditEvent, Identity
from server.schemas.project import CategoryIn, ProjectIn
from server.services import projects
from server.services.accounts import sessions, tokens, users
from tests.command import run_here
from tests.odd_pictures import encode, mpo, scene, with_segment

Weakseg = Callable[..., subprocess.CompletedProcess[str]]
PASSWORD = "long enough to keep"


@pytest.fixture
def process(tmp_path: Path, forked_processes: dict[str, str]) -> Weakseg:
    """Runs the command as a process, with its data below the test's folder."""
    given = os.environ | forked_processes | {"WEAKSEG_DATA": str(tmp_path / "data")}

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "server.cli", *arguments],
            env=given | environment,
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture
def weakseg(tmp_path: Path) -> Weakseg:
    """Runs the command as `process` does, but in this one."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {"WEAKSEG_DATA": str(tmp_path / "data"), **environment}
        return run_here(*arguments, environment=given, folder=tmp_path)

    return run


@pytest.fixture
def database(
    migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The database of the commands, migrated, and open to the test too."""
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(migrated_sqlite, data)
    monkeypatch.setenv("WEAKSEG_DATA", str(data))
    db.dispose()
    yield
    db.dispose()


@pytest.fixture
def project(database: None) -> int:
    """A project named Streets."""
    with db.session_scope() as session:
        wanted = ProjectIn(name="Streets", categories=[CategoryIn(name="Road")])
        return projects.create(session, wanted).id


def one_line(ended: subprocess.CompletedProcess[str], status: int = 2) -> str:
    """The message of a command, which has refused its input unless the status says otherwise."""
    assert ended.returncode == status, ended
    assert "Traceback" not in ended.stderr
    (line,) = ended.stderr.strip().splitlines()
    return line


def count(question: str) -> int:
    with db.session_scope(read_only=True) as session:
        return int(session.scalar(text(question)) or 0)


def test_migrating_twice_is_fine_and_users_come_after_it(weakseg: Weakseg) -> None:
    add = ("user", "add", "lead@example.org", "--role", "admin")
    assert "run weakseg migrate" in one_line(weakseg(*add, WEAKSEG_PASSWORD=PASSWORD))
    for _ in range(2):
        assert weakseg("migrate").returncode == 0
    assert weakseg(*add, WEAKSEG_PASSWORD=PASSWORD).returncode == 0
    listed = weakseg("user", "list").stdout
    assert "lead@example.org" in listed
    assert "admin" in listed


@pytest.mark.parametrize(
    ("email", "password", "says"),
    [("nobody", PASSWORD, "email"), ("a@example.org", "short", "password")],
)
def test_a_bad_account_is_refused_with_the_field(
    weakseg: Weakseg, database: None, email: str, password: str, says: str
) -> None:
    assert says in one_line(weakseg("user", "add", email, WEAKSEG_PASSWORD=password))
    assert count("SELECT count(*) FROM users") == 0


def test_an_account_can_be_made_once(weakseg: Weakseg, database: None) -> None:
    add = ("user", "add", "a@example.org")
    assert weakseg(*add, WEAKSEG_PASSWORD=PASSWORD).returncode == 0
    assert "already" in one_line(weakseg(*add, WEAKSEG_PASSWORD=PASSWORD))


def test_an_account_without_a_password_is_for_who_signs_in_elsewhere(
    weakseg: Weakseg, database: None
) -> None:
    ended = weakseg("user", "add", "a@example.org", "--role", "admin", "--no-password")
    assert ended.returncode == 0, ended.stderr
    assert count("SELECT count(*) FROM users WHERE password_hash LIKE 'none:%'") == 1
    with db.session_scope() as session:
        user = users.find_by_email(session, "a@example.org")
        assert user is not None
        identity = Identity(user_id=user.id, issuer="https://sso.example", subject_hash="0" * 64)
        session.add(identity)
        session.flush()
        sessions.start(session, user, identity=identity)
    ended = weakseg("user", "unlink", "a@example.org")
    assert "removed 1 link of a@example.org" in one_line(ended, status=0)
    assert count("SELECT count(*) FROM identities") == 0
    assert count("SELECT count(*) FROM user_sessions") == 0


def test_a_token_made_here_opens_the_account(weakseg: Weakseg, database: None) -> None:
    weakseg("user", "add", "a@example.org", WEAKSEG_PASSWORD=PASSWORD)
    ended = weakseg("token", "add", "a@example.org", "nightly", "--scope", "read")
    assert ended.returncode == 0, ended.stderr
    with db.session_scope() as session:
        token = tokens.find(session, ended.stdout.strip())
        assert (token.user.email, token.name, token.scopes) == (
            "a@example.org",
            "nightly",
            ["read"],
        )


def test_odd_files_of_a_folder_are_named_and_the_others_imported(
    weakseg: Weakseg, project: int, tmp_path: Path
) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    (folder / "a.tif").write_bytes(b"II*\0\x08\0\0\0\1\0\x0e\1\2\0\4\0\0\0abc\0\0\0\0\0")
    (folder / "b.png").write_bytes(encode(scene(), "PNG", exif=b"Exif\0\0\0\x08\0\2\1"))
    (folder / "c.jpg").write_bytes(mpo())
    ended = weakseg("import", "Streets", str(folder))
    assert ended.returncode == 1
    assert "imported 2, skipped 0, refused 1" in ended.stderr
    assert "refused a.tif: " in ended.stderr
    assert "note on b.png: its EXIF cannot be read" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_is_imported_once_and_its_bad_files_are_named(
    weakseg: Weakseg, project: int, tmp_path: Path
) -> None:
    folder = tmp_path / "photographs"
    (folder / "monday").mkdir(parents=True)
    Image.new("RGB", (64, 48), "teal").save(folder / "monday" / "a.png")
    Image.new("RGB", (64, 48), "olive").save(folder / "b.jpg")
    (folder / "notes.jpg").write_text("not a picture")
    first = weakseg("import", "Streets", str(folder))
    assert first.returncode == 1
    assert "imported 2, skipped 0, refused 1" in first.stderr
    assert "refused notes.jpg: " in first.stderr
    (folder / "notes.jpg").unlink()
    again = weakseg("import", str(project), str(folder))
    assert again.returncode == 0
    assert "imported 0, skipped 2, refused 0" in again.stderr
    assert count("SELECT count(*) FROM images WHERE external_id = 'monday/a.png'") == 1


def test_linked_folders_are_imported_and_what_is_left_out_is_said(
    weakseg: Weakseg, project: int, tmp_path: Path
) -> None:
    folder, elsewhere = tmp_path / "photographs", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    names = (b"3.05\xe2\x80\xafPM.png", "caf\u00e9 \u3000.JFIF".encode(), b"back\\slash.jpe")
    for number, name in enumerate(names):
        with (elsewhere / os.fsdecode(name)).open("wb") as file:
            Image.new("RGB", (64, 48), (80 * number, 0, 0)).save(file, "PNG")
    (folder / "linked").symlink_to(elsewhere)
    (folder / "loop").symlink_to(folder)
    for name in ("._1.png", ".thumbs", "Thumbs.db", "notes.pdf", "b.gif"):
        (folder / name).touch()
    (folder / "gone.png").symlink_to(tmp_path / "nowhere.png")
    ended = weakseg("import", "Streets", str(folder))
    assert ended.returncode == 0, ended.stderr
    assert "imported 3, skipped 0, refused 0" in ended.stderr
    said = "left out: 3 hidden, 1 linked in a circle, 1 linked to nothing, 1 .gif, 1 .pdf"
    assert said in ended.stderr
    for name in names:
        here = name.decode().replace("'", "")
        assert count(f"SELECT count(*) FROM images WHERE external_id = 'linked/{here}'") == 1


def test_names_that_cannot_be_kept_are_refused_one_by_one(
    weakseg: Weakseg, project: int, tmp_path: Path
) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number, name in enumerate((b"caf\xe9.png", b"a\nb.png", b"good.png")):
        Image.new("RGB", (64, 48), (80 * number, 0, 0)).save(folder / os.fsdecode(name))
    ended = weakseg("import", "Streets", str(folder))
    assert ended.returncode == 1, ended.stderr
    assert "imported 1, skipped 0, refused 2" in ended.stderr
    assert r"refused caf\xe9.png: the name is not valid UTF-8" in ended.stderr
    assert r"refused a\x0ab.png: the name has a control character (\x0a)" in ended.stderr


@pytest.mark.parametrize("name", ["IMG_1.MOV", ".hidden.jpg", None])
def test_a_folder_without_pictures_is_an_error_that_says_what_is_there(
    weakseg: Weakseg, project: int, tmp_path: Path, name: str | None
) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    if name:
        (folder / name).touch()
    line = one_line(weakseg("import", "Streets", str(folder)))
    assert "there are no pictures below" in line
    assert name is None or "left out: 1" in line


def test_a_folder_of_pictures_that_cannot_be_read_names_each(
    weakseg: Weakseg, project: int, tmp_path: Path
) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    (folder / "a.HEIC").write_bytes(b"not a picture")
    ended = weakseg("import", "Streets", str(folder))
    assert ended.returncode == 1
    assert "refused a.HEIC: " in ended.stderr


def test_a_manifest_is_imported_once(weakseg: Weakseg, project: int, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.ndjson"
    manifest.write_text("".join(f'{{"uri": "cam/{n}.jpg"}}\n' for n in range(2500)))
    assert "imported 2500, skipped 0" in weakseg("import", "Streets", str(manifest)).stderr
    assert "imported 0, skipped 2500" in weakseg("import", "Streets", str(manifest)).stderr


def test_a_wrong_manifest_line_is_named_and_nothing_is_imported(
    weakseg: Weakseg, project: int, tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest.ndjson"
    manifest.write_text('{"uri": "a.jpg"}\nb.jpg\n')
    assert "line 2" in one_line(weakseg("import", "Streets", str(manifest)))
    assert count("SELECT count(*) FROM images") == 0


@pytest.mark.parametrize(
    ("name", "path", "says"),
    [("Nowhere", ".", "known are: Streets"), ("99", ".", "99"), ("Streets", "absent", "absent")],
)
def test_an_import_names_what_is_not_there(
    weakseg: Weakseg, project: int, name: str, path: str, says: str
) -> None:
    assert says in one_line(weakseg("import", name, path))


def test_a_dataset_is_added_from_its_card(weakseg: Weakseg, database: None, tmp_path: Path) -> None:
    folder = tmp_path / "town"
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
        Image.new("L", (64, 48)).save(folder / part / "one.png")
    card = folder / "card.yaml"
    card.write_text("masks: masks/{stem}.png\nids: {0: Road, 1: Car}\n")
    for _ in range(2):
        ended = weakseg("datasets", "add", str(card))
        assert "added town: 1 images" in ended.stderr
    row = next(line for line in weakseg("datasets", "list").stdout.splitlines() if "town" in line)
    assert row.split("│")[2:5] == [" 1      ", " yes   ", " 2          "]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("masks: [", "cannot be read"),
        ("masks: m/{stem}.png\nids: {0: Road}\ncolour: blue\n", "colour"),
        ("masks: m/{stem}.png\nids: {0: Road}\n", "no images"),
    ],
)
def test_a_wrong_card_is_refused_and_not_added(
    weakseg: Weakseg, database: None, tmp_path: Path, content: str, says: str
) -> None:
    card = tmp_path / "town.yaml"
    card.write_text(content)
    assert says in one_line(weakseg("datasets", "add", str(card)))
    assert not (tmp_path / "data" / "datasets" / "town.yaml").exists()


def test_another_dataset_does_not_take_a_name(
    weakseg: Weakseg, database: None, tmp_path: Path
) -> None:
    for place in ("here", "there"):
        (tmp_path / place / "images").mkdir(parents=True)
        Image.new("L", (64, 48)).save(tmp_path / place / "images" / "one.png")
        card = tmp_path / place / "card.yaml"
        card.write_text("masks: images/{stem}.png\nids: {0: Road}\n")
    assert weakseg("datasets", "add", str(tmp_path / "here" / "card.yaml")).returncode == 0
    other = ("datasets", "add", str(tmp_path / "there" / "card.yaml"))
    assert "another dataset 'here'" in one_line(weakseg(*other, "--name", "here"))
    assert weakseg(*other).returncode == 0


def test_the_interface_document_is_printed_without_a_database(
    process: Weakseg, tmp_path: Path
) -> None:
    document = json.loads(process("openapi").stdout)
    assert "/api/v1/projects" in document["paths"]
    assert not (tmp_path / "data").exists()


def test_a_wrong_setting_is_named(process: Weakseg) -> None:
    ended = process("migrate", WEAKSEG_LEASE_SECONDS="soon")
    assert one_line(ended).startswith("error: WEAKSEG_LEASE_SECONDS: ")


def test_a_database_that_does_not_answer_is_one_line(weakseg: Weakseg) -> None:
    url = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    assert "database" in one_line(weakseg("migrate", WEAKSEG_DATABASE_URL=url))


def test_a_study_is_the_trainers_own(process: Weakseg, tmp_path: Path) -> None:
    cards = [
        part for name in ("source", "target", "validation") for part in (f"--{name}", "x.yaml")
    ]
    done = process("study", *cards, "--out", str(tmp_path / "study"))
    assert done.returncode == 2
    assert "error: x.yaml: cannot read the dataset card" in done.stderr
    assert "--seeds" in process("study", "--help").stdout


def test_labels_are_exported_and_imported_once(
    weakseg: Weakseg, project: int, tmp_path: Path
) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    Image.new("RGB", (64, 48), "teal").save(folder / "a.png")
    weakseg("import", "Streets", str(folder))
    weakseg("user", "add", "lead@example.org", WEAKSEG_PASSWORD=PASSWORD)
    table = tmp_path / "labels.csv"
    table.write_text("image,category,answer,points\na.png,Road,present,3 4\nb.png,Road,absent,\n")
    take = ("labels", "import", "Streets", str(table), "--annotator", "lead@example.org")

    looked = weakseg(*take, "--format", "csv", "--dry-run")
    first = weakseg(*take, "--format", "csv")

    assert "nothing was stored" in looked.stderr
    assert "images known by their whole name: 1" in looked.stderr
    assert first.returncode == 1
    assert "imported 1, skipped 0, refused 1" in first.stderr
    assert "refused line 3, b.png: there is no image of this name" in first.stderr
    assert "imported 0, skipped 1" in weakseg(*take, "--format", "csv").stderr
    out = tmp_path / "labels.jsonl"
    written = weakseg("labels", "export", str(project), "--out", str(out))
    assert written.returncode == 0, written.stderr
    (line,) = out.read_text().splitlines()
    assert json.loads(line)["points"] == [{"category": "Road", "x": 3, "y": 4}]
    assert not [*tmp_path.glob("*.partial")]


def test_a_file_of_labels_that_is_none_is_one_line(
    weakseg: Weakseg, project: int, tmp_path: Path
) -> None:
    weakseg("user", "add", "lead@example.org", WEAKSEG_PASSWORD=PASSWORD)
    wrong = tmp_path / "labels.xml"
    wrong.write_text("<!DOCTYPE a [<!ENTITY b 'c'>]><annotations/>")
    take = ("labels", "import", "Streets", "--format", "cvat", "--annotator")
    said = one_line(weakseg(*take, "lead@example.org", str(wrong)))
    assert "line 1: a document type is not allowed" in said
    assert "no account" in one_line(weakseg(*take, "nobody@example.org", str(wrong)))
    assert "absent.xml" in one_line(weakseg(*take, "lead@example.org", "absent.xml"))
    export = ("labels", "export", "Streets", "--out", str(tmp_path / "nowhere" / "labels.jsonl"))
    assert "nowhere" in one_line(weakseg(*export))


def modes(folder: Path) -> dict[str, int]:
    """What the group and others may do with each file and folder, where they may do anything."""
    found = {
        str(path.relative_to(folder)): path.stat().st_mode & 0o077 for path in folder.rglob("*")
    }
    return {name: mode for name, mode in found.items() if mode}


def test_nobody_else_can_read_what_the_server_keeps(process: Weakseg, tmp_path: Path) -> None:
    assert process("migrate").returncode == 0
    added = process(
        "user", "add", "a@example.org", "--role", "admin", WEAKSEG_PASSWORD="long enough 12"
    )
    assert added.returncode == 0, added.stderr
    data = tmp_path / "data"
    assert (data / "weakseg.sqlite3").exists()
    assert modes(tmp_path) == {}
    for folder in ("files/images", "broker/messages", "runs"):
        (data / folder).mkdir(parents=True, exist_ok=True)
    everything = [data / "files", data / "broker", data / "runs", data / "weakseg.sqlite3"]
    for path in everything:
        path.chmod(0o755)
    assert process("migrate").returncode == 0
    assert [path.stat().st_mode & 0o777 for path in everything] == [0o700] * 4


def test_a_group_may_be_let_in(process: Weakseg, tmp_path: Path) -> None:
    assert process("migrate", WEAKSEG_UMASK="027").returncode == 0
    assert (tmp_path / "data/weakseg.sqlite3").stat().st_mode & 0o777 == 0o640
    refused = process("migrate", WEAKSEG_UMASK="9")
    assert refused.returncode == 2
    assert "WEAKSEG_UMASK" in refused.stderr


def test_what_stored_pictures_tell_besides_can_be_cut(
    weakseg: Weakseg, project: int, tmp_path: Path
) -> None:
    (tmp_path / "new").mkdir()
    plain = encode(scene(), "JPEG")
    told = with_segment(plain, 0xFE, b"N 48.858370") + b"E 2.294481"
    (tmp_path / "new/a.jpg").write_bytes(told)
    (tmp_path / "new/b.png").write_bytes(encode(scene(seed=1), "PNG"))
    weakseg("import", "Streets", "new", WEAKSEG_KEEP_METADATA="true")
    stored = {path: path.read_bytes() for path in (tmp_path / "data/files/images").rglob("*.*")}
    assert told in stored.values()
    looked = weakseg("clean", "--metadata", "--dry-run")
    assert looked.returncode == 0
    assert "would cut metadata from 1 pictures" in looked.stderr
    assert all(path.read_bytes() == content for path, content in stored.items())
    assert "cut metadata from 1 pictures" in weakseg("clean", "--metadata").stderr
    left = {path: path.read_bytes() for path in (tmp_path / "data/files/images").rglob("*.*")}
    assert left == {path: plain if c == told else c for path, c in stored.items()}
    assert "cut metadata from 0 pictures" in weakseg("clean", "--metadata").stderr
    with db.session_scope(read_only=True) as session:
        cut = select(AuditEntry.after).where(AuditEntry.event == AuditEvent.METADATA_CUT)
        assert session.scalars(cut).all() == [{"pictures": 1}]
    db.dispose()
    refused = weakseg("clean", "--metadata", WEAKSEG_KEEP_METADATA="true")
    assert refused.returncode == 2


SAYS_NOTHING = {
    "serve", "worker", "beat", "migrate", "clean", "study", "simulate", "openapi", "demo",
    "user list", "datasets list", "audit verify",
}  # fmt: skip
"""Commands that change no accounts, datasets or projects themselves. What `demo` makes, services
make as for everybody."""


def test_every_command_that_changes_something_leaves_a_line_in_the_audit_log(
    weakseg: Weakseg, project: int, tmp_path: Path
) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "one.png")
    for part in ("images", "masks"):
        (tmp_path / "town" / part).mkdir(parents=True)
        Image.new("L", (64, 48)).save(tmp_path / "town" / part / "one.png")
    (tmp_path / "town" / "card.yaml").write_text("masks: masks/{stem}.png\nids: {0: Road}\n")
    (tmp_path / "here").mkdir()
    shutil.move(tmp_path / "one.png", tmp_path / "here" / "one.png")
    label = {"image": "one.png", "width": 64, "height": 48, "present": ["Road"], "absent": []}
    (tmp_path / "labels.jsonl").write_text(json.dumps(label))
    email, secret = "mara@example.org", {"WEAKSEG_PASSWORD": PASSWORD}
    commands: dict[str, tuple[tuple[str, ...], dict[str, str], str]] = {
        "user add": ((email, "--role", "admin"), secret, "user-made"),
        "user password": ((email,), secret, "password-set"),
        "user remove-second-factor": ((email,), {}, "second-factor-removed"),
        "user unlink": ((email,), {}, "identity-removed"),
        "token add": ((email, "nightly", "--scope", "read"), {}, "token-made"),
        "datasets add": (("town/card.yaml",), {}, "dataset-added"),
        "import": (("Streets", "here"), {}, "images-imported"),
        "labels import": (("Streets", "labels.jsonl", "--annotator", email), {}, "labels-imported"),
        "labels export": (("Streets", "--out", "out.jsonl"), {}, "labels-exported"),
        "audit export": (("--out", "audit.jsonl"), {}, "audit-exported"),
    }
    assert commands.keys() | SAYS_NOTHING == set(all_commands(typer.main.get_command(cli.app)))
    seen = 0
    for command, (arguments, environment, event) in commands.items():
        ended = weakseg(*command.split(), *arguments, **environment)
        assert ended.returncode == 0, (command, ended.stderr)
        with db.session_scope(read_only=True) as session:
            new = session.scalars(select(AuditEntry).where(AuditEntry.id > seen)).all()
        db.dispose()
        seen += len(new)
        if command == "user add":
            link_with_provider(email)
        assert (event, "command") in {(line.event, line.door) for line in new}, command
    lines = weakseg("audit", "verify")
    assert lines.returncode == 0, lines.stderr
    again = weakseg("datasets", "add", "town/card.yaml")
    assert again.returncode == 0
    assert weakseg("audit", "verify").stdout == lines.stdout, "nothing was added"


def all_commands(group: Any, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from all_commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def link_with_provider(email: str) -> None:
    with db.session_scope() as session:
        user = users.find_by_email(session, email)
        assert user is not None
        identity = Identity(user_id=user.id, issuer="https://sso.example", subject_hash="0" * 64)
        session.add(identity)
    db.dispose()
