import csv
import io
import json
from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

from tests.server.factories import add_images, add_label, make_user


def test_who_leads_sees_all_and_annotators_themselves(
    make_project: Callable[..., dict[str, Any]], engineer: TestClient, annotator: TestClient
) -> None:
    project_id = make_project()["id"]
    me = annotator.get("/api/v1/me").json()["id"]
    other = make_user("other@example.org")
    (image_id,) = add_images(project_id, ["a.png"])
    for person in (me, other):
        add_label(project_id, image_id, person)
    url = f"/api/v1/projects/{project_id}/people"

    def emails(client: TestClient, **query: Any) -> set[str | None]:
        return {pace["email"] for pace in client.get(url, params=query).json()["paces"]}

    mine = annotator.get("/api/v1/me").json()["email"]
    assert emails(engineer) == {None, mine, "other@example.org"}
    assert emails(engineer, pseudonyms=True) == {None}
    assert emails(annotator) == {mine}
    sheet = engineer.get(url, params={"format": "csv"})
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(list(csv.DictReader(io.StringIO(sheet.text)))) == len(
        engineer.get(url).json()["paces"]
    )
    of = {
        client: [
            json.loads(line)["annotator"] for line in client.get(f"{url}/trails").text.splitlines()
        ]
        for client in (engineer, annotator)
    }
    assert of == {engineer: [f"a{me}", f"a{other}"], annotator: [f"a{me}"]}


def test_csv_and_json_have_the_same_figures(
    make_project: Callable[..., dict[str, Any]], engineer: TestClient
) -> None:
    project_id = make_project()["id"]
    people = [make_user("one@example.org"), make_user("two@example.org")]
    for n, image_id in enumerate(add_images(project_id, ["a.png", "b.png", "c.png"])):
        add_label(project_id, image_id, people[n % 2], active_ms=1000 + 370 * n)
        add_label(project_id, image_id, people[0], active_ms=90, present=["Car"], absent=[])
    url = f"/api/v1/projects/{project_id}/people"
    paces = engineer.get(url).json()["paces"]
    sheet = list(csv.DictReader(io.StringIO(engineer.get(url, params={"format": "csv"}).text)))

    def row(pace: dict[str, Any]) -> dict[str, str]:
        flat: dict[str, Any] = {}
        for name, value in pace.items():
            inner = value.items() if isinstance(value, dict) else ()
            flat |= {f"{name}.{key}": each for key, each in inner} or {name: value}
        return {name: "" if value is None else str(value) for name, value in flat.items()}

    expected = [row(pace) for pace in paces]
    assert expected
    for found, told in zip(sheet, expected, strict=True):
        told.pop("right", None)  # of nobody here: there are no known answers
        assert {name: found[name] for name in told} == told
