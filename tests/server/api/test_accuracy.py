import csv
import io

from fastapi.testclient import TestClient

from server.models.run import RunState
from tests.server.factories import make_project, make_run, make_snapshot


def test_the_curve_as_json_and_as_csv(annotator: TestClient) -> None:
    project_id = make_project()
    snapshot_id = make_snapshot(project_id, active_ms=5_400_000, labels=9)
    report = {
        "supervision": "point", "selected_step": 10, "selection": "last step",
        "score": {"miou": 0.5}, "seconds": 1, "device": "cpu", "labelled_images": 1,
    }  # fmt: skip
    make_run(project_id, RunState.SUCCEEDED, snapshot_id=snapshot_id, report=report)
    url = f"/api/v1/projects/{project_id}/cost-curve"

    curve = annotator.get(url).json()
    sheet = annotator.get(url, params={"format": "csv"})

    (point,) = curve["points"]
    assert (point["active_hours"], point["miou"], point["labels"]) == (1.5, 0.5, 9)
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert f"cost-curve-{project_id}.csv" in sheet.headers["content-disposition"]
    (row,) = csv.DictReader(io.StringIO(sheet.text))
    assert (row["active_hours"], row["miou"], row["supervision"]) == ("1.5", "0.5", "point")
    assert annotator.get(url, params={"format": "xls"}).status_code == 422
