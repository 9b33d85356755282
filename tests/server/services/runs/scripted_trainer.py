"""Stands in for the trainer where it has to crash, hang or be slow at a chosen moment.

`python scripted_trainer.py SCENE RUN_DIR`
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path


def say(kind: str, **fields: object) -> None:
    print(json.dumps({"kind": kind, **fields}), flush=True)  # noqa: T201


def start() -> None:
    say("started", steps=10, device="cpu", source_images=1, target_images=1, labelled_images=1,
        validation_images=0)  # fmt: skip


def progress(step: int) -> None:
    say("progress", step=step, steps=10, phase="adaptation", losses={"point": 0.5},
        learning_rate=0.1, images_per_second=1, eta_seconds=1)  # fmt: skip


def checkpoint(run_dir: Path, step: int, content: bytes = b"weights") -> None:
    path = run_dir / "checkpoints" / f"step-{step:06d}.safetensors"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    say("checkpoint", step=step, path=path.relative_to(run_dir).as_posix(), size=len(content),
        sha256=hashlib.sha256(content).hexdigest(), score={"miou": 0.25})  # fmt: skip


def wait_for_ever() -> None:
    while True:
        time.sleep(60)


def succeed(run_dir: Path) -> None:
    start()
    progress(10)
    checkpoint(run_dir, 10)
    report = {"supervision": "point", "selected_step": 10, "selection": "last step",
              "score": {"miou": 0.25}, "seconds": 1, "device": "cpu",
              "labelled_images": 1}  # fmt: skip
    (run_dir / "report.json").write_text(json.dumps(report))
    predict(run_dir)
    say("finished", status="succeeded")


def succeed_later(run_dir: Path) -> None:
    """Count the starts, and end when the file `go` is there."""
    with (run_dir / "starts").open("a") as file:
        file.write("x")
    start()
    while not (run_dir / "go").exists():
        time.sleep(0.02)
    succeed(run_dir)


def predict(run_dir: Path) -> None:
    """A mask that names its image, so that a test can tell which one came back."""
    (run_dir / "predictions").mkdir(exist_ok=True)
    lines = []
    for number, line in enumerate((run_dir / "target.jsonl").read_text().splitlines()):
        image = json.loads(line)["image"]
        (run_dir / "predictions" / f"{number}.png").write_text(f"mask of {image}")
        lines.append(
            {"image": image, "mask": f"{number}.png", "width": 64, "height": 48,
             "presence": {"Road": 0.75}, "uncertainty": 0.5}
        )  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (run_dir / "predictions" / "predictions.jsonl").write_text(text)


def describe(run_dir: Path, step: int) -> None:
    """Save a checkpoint with the JSON beside it, as the trainer does, without telling of it."""
    content = f"weights of step {step}".encode()
    path = run_dir / "checkpoints" / f"step-{step:06d}.safetensors"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    info = {"step": step, "categories": ["Road"], "backbone": "none", "height": 32, "width": 32,
            "score": {"miou": 0.25}, "config_sha256": "0", "labels_sha256": None,
            "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(info))


def save_and_die(run_dir: Path) -> None:
    """Killed between the last save and the line that tells of it; one more is half written."""
    start()
    describe(run_dir, 4)
    describe(run_dir, 10)
    cut = run_dir / "checkpoints" / "step-000011.safetensors"
    describe(run_dir, 11)
    cut.write_bytes(b"we")
    os.kill(os.getpid(), signal.SIGKILL)


def end_silently(run_dir: Path) -> None:
    """Come to the end without having told of the selected checkpoint, which is there."""
    describe(run_dir, 10)
    finish(run_dir)


def end_without(run_dir: Path) -> None:
    """Come to the end without the selected checkpoint."""
    describe(run_dir, 4)
    finish(run_dir)


def finish(run_dir: Path) -> None:
    start()
    report = {"supervision": "point", "selected_step": 10, "selection": "last step",
              "score": {"miou": 0.25}, "seconds": 1, "device": "cpu",
              "labelled_images": 1}  # fmt: skip
    (run_dir / "checkpoints/training-state.safetensors").write_bytes(b"state")
    (run_dir / "report.json").write_text(json.dumps(report))
    predict(run_dir)
    say("finished", status="succeeded")


def die(run_dir: Path) -> None:
    start()
    checkpoint(run_dir, 4)
    os.kill(os.getpid(), signal.SIGKILL)


def fail(run_dir: Path) -> None:
    start()
    say("failed", error="step 3: point is not finite")
    raise SystemExit(1)


def crash(run_dir: Path) -> None:
    print("not a progress line", flush=True)  # noqa: T201
    raise RuntimeError("no such device")


def leave(run_dir: Path) -> None:
    """End well without having finished."""
    start()


def lie(run_dir: Path) -> None:
    say("checkpoint", step=1, path="checkpoints/none", size=1, sha256="0" * 64, score={})
    wait_for_ever()


def hang(run_dir: Path) -> None:
    """Stop on SIGTERM as the trainer does."""
    signal.signal(signal.SIGTERM, lambda *_: interrupt(run_dir))
    start()
    progress(3)
    wait_for_ever()


def interrupt(run_dir: Path) -> None:
    checkpoint(run_dir, 3)
    say("finished", status="interrupted")
    raise SystemExit(0)


def cling(run_dir: Path) -> None:
    """Do not stop when asked, and have a child that does not either."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = os.fork()
    if child:
        (run_dir / "child.pid").write_text(str(child))
        start()
    wait_for_ever()


def as_seeded(run_dir: Path) -> None:
    """Hang in the first attempt when the run's seed is 1, else succeed."""
    first = not (run_dir / "hung").exists()
    if first and json.loads((run_dir / "config.json").read_text())["seed"] == 1:
        (run_dir / "hung").touch()
        hang(run_dir)
    succeed(run_dir)


def stop_at_once(run_dir: Path) -> None:
    start()
    interrupt(run_dir)


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
