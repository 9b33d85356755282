"""The configuration in a run's folder. Needs no torch."""

from pathlib import Path

from pydantic import ValidationError

from trainer.contract import TrainConfig
from trainer.contract.cards import resolve_card
from trainer.errors import BadInput, describe
from trainer.run_folder.atomic import sha256, write_atomically

FILE = "config.json"


def read_config(run_dir: Path) -> tuple[TrainConfig, str]:
    """The run's configuration with absolute paths, and the sha256 of its file.

    Raises:
        BadInput: the file is missing or wrong; names the field.
    """
    path = run_dir / FILE
    try:
        content = path.read_bytes()
        config = TrainConfig.model_validate_json(content)
    except OSError as error:
        raise BadInput(f"{path}: cannot read the configuration: {error}") from error
    except ValidationError as error:
        raise BadInput(f"{path}: {describe(error)}") from error
    return with_absolute_paths(config, run_dir), sha256(content)


def with_absolute_paths(config: TrainConfig, run_dir: Path) -> TrainConfig:
    """The configuration of a run's folder, to which its relative paths are relative."""
    changes: dict[str, object] = {
        name: resolve_card(card, run_dir)
        for name in ("source", "target", "validation")
        if (card := getattr(config, name))
    }
    for name in ("labels", "initial_weights", "start_from", "cache", "warm_ups"):
        if (file := getattr(config, name)) is not None:
            changes[name] = (run_dir / file).resolve()
    return config.model_copy(update=changes)


def as_file(config: TrainConfig) -> bytes:
    """What `config.json` holds.

    Raises:
        BadInput: a path in the configuration is not UTF-8.
    """
    try:
        return config.model_dump_json(indent=2).encode()
    except ValueError as error:
        raise BadInput("the configuration has a path that is not valid UTF-8") from error


def has_begun(run_dir: Path) -> bool:
    """Whether a run has started in the folder: it has said so, or has left something."""
    if any((run_dir / name).exists() for name in ("checkpoints", "report.json")):
        return True
    said = run_dir / "progress.jsonl"
    return said.is_file() and b'"kind":"started"' in said.read_bytes()


def new_config(run_dir: Path, config: TrainConfig) -> TrainConfig | None:
    """The configuration, if a run of it can begin in the folder; None if the folder has it already.

    Writes nothing.

    Raises:
        BadInput: a run of another configuration has begun there, or there is no room for a folder.
    """
    if run_dir.exists() and not run_dir.is_dir():
        raise BadInput(f"{run_dir}: is no folder")
    if not (run_dir / FILE).exists():
        if has_begun(run_dir):
            raise BadInput(f"{run_dir}: has a run without its {FILE}; use an empty folder")
        return config
    if with_absolute_paths(config, run_dir) == read_config(run_dir)[0]:
        return None
    if has_begun(run_dir):
        raise BadInput(f"{run_dir}: has a run of another {FILE}; use an empty folder")
    return config


def write_config(run_dir: Path, config: TrainConfig) -> None:
    """Write `config.json`, so that the folder always says what was run.

    Raises:
        BadInput: the folder cannot be written, a path in the configuration is not UTF-8, or another
            run has begun there since `new_config` looked.
    """
    if new_config(run_dir, config) is None:
        return
    content = as_file(config)
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        write_atomically(run_dir / FILE, content)
    except OSError as error:
        raise BadInput(f"{run_dir}: cannot write the run's folder: {error}") from error
