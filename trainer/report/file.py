"""`report.json`: what a finished run amounts to, for programs."""

from pathlib import Path

from pydantic import ValidationError

from trainer.contract import Report
from trainer.errors import BadInput, describe
from trainer.run_folder.atomic import write_atomically

FILE = "report.json"


def is_finished(run_dir: Path) -> bool:
    """Whether the run has come to its end; its report is the last that it writes for programs."""
    return (run_dir / FILE).exists()


def write_report_file(run_dir: Path, report: Report) -> None:
    """Write `report.json`, whole or not at all."""
    write_atomically(run_dir / FILE, report.model_dump_json(indent=2).encode())


def read_report(run_dir: Path) -> Report:
    """The report of a finished run.

    Raises:
        BadInput: there is none, or it is damaged; names the field.
    """
    path = run_dir / FILE
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path}: cannot read the report: {error}") from error
    except ValidationError as error:
        raise BadInput(f"{path}: {describe(error)}") from error
