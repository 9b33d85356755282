"""Part `synchronisations`: where the host waits for the device inside a step."""

import json
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from trainer.bench.measure import Conditions, synchronise
from trainer.bench.result import PartResult, verdict
from trainer.bench.subject import Stepper, config_for
from trainer.contract import Supervision

WAITING_CALLS = frozenset(
    {"cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy"}
)
"""Of the CUDA runtime. Copies to pageable memory are found by their kind."""
WAITING_OPERATORS = frozenset(
    {
        "aten::_local_scalar_dense",
        "aten::nonzero",
        "aten::masked_select",
        "aten::bincount",
        "aten::_unique2",
    }
)
"""Need a value on the host, which on a CPU takes no time but on an accelerator would be a wait."""
GUARD = "trainer/method/nan_guard.py"
OPTIMIZER = "Optimizer.step#"
"""How the ranges begin that optimizers make in a trace. On a CPU the fused ones read their counts of
steps, which on an accelerator they leave there."""
PROFILED = 2
RANGE = "profiled step"


@dataclass(frozen=True)
class Wait:
    """One synchronisation, and the line of the trainer's code or the optimizer it comes from."""

    call: str
    place: str


def measure(conditions: Conditions) -> PartResult:
    """Synchronisations of a step of each supervision, those of the guard and of optimizers apart."""
    rows = []
    places: Counter[str] = Counter()
    for supervision in Supervision:
        stepper = Stepper(config_for(conditions, supervision))
        stepper()
        stepper()
        waits = waits_of(stepper, conditions.device)
        of_guard, of_optimizers = (
            sum(wait.place.startswith(owner) for wait in waits) for owner in (GUARD, OPTIMIZER)
        )
        places.update(f"{wait.call} in {wait.place}" for wait in waits)
        rows.append(
            {
                "supervision": supervision.value,
                "inside_step": (len(waits) - of_guard - of_optimizers) / PROFILED,
                "guard_for_step_before": of_guard / PROFILED,
                "optimizers": of_optimizers / PROFILED,
                "torch_warnings": _warnings_of(stepper) if conditions.on_accelerator else None,
            }
        )
    worst = max(float(row["inside_step"] or 0) for row in rows)
    return PartResult(
        part="synchronisations",
        about=f"per step, over {PROFILED} steps: "
        + ("calls of the runtime" if conditions.on_accelerator else "operators that would wait"),
        rows=tuple(rows),
        verdicts=(verdict("synchronisations", worst, on_accelerator=conditions.on_accelerator),),
        notes=tuple(f"{count} x {place}" for place, count in places.most_common()),
    )


def waits_of(run: Callable[[], object], device: torch.device) -> list[Wait]:
    """Synchronisations in `PROFILED` calls, in order."""
    # Following Python takes minutes on a slow host: only where there is something to explain.
    waits = find_waits(_trace(run, device, with_stack=False))
    if all(wait.place.startswith(OPTIMIZER) for wait in waits):
        return waits
    return find_waits(_trace(run, device, with_stack=True))


def _trace(
    run: Callable[[], object], device: torch.device, *, with_stack: bool
) -> list[dict[str, Any]]:
    """What the profiler saw of `PROFILED` calls, as complete events."""
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with warnings.catch_warnings():
        # torch 2.11 warns of the next cycle, which here is none. `acc_events` would silence it, and
        # make Python's objects of all events besides, which takes longer than the steps.
        warnings.filterwarnings("ignore", message=".*Profiler clears events")
        with profile(activities=activities, with_stack=with_stack) as profiler:
            for _ in range(PROFILED):
                with record_function(RANGE):
                    run()
            synchronise(device)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    return [event for event in events if event.get("ph") == "X"]


def find_waits(events: list[dict[str, Any]]) -> list[Wait]:
    """Synchronisations inside the profiled calls, among the complete events of a trace."""
    ranges = [e for e in events if e["name"] == RANGE and e["cat"] == "user_annotation"]
    owners = [
        e
        for e in events
        if (e["cat"] == "python_function" and e["name"].startswith("trainer/"))
        or (e["cat"] == "user_annotation" and e["name"].startswith(OPTIMIZER))
    ]
    on_accelerator = any(e["cat"] == "cuda_runtime" for e in events)
    copies = {
        e["args"].get("correlation")
        for e in events
        if e["cat"] == "gpu_memcpy" and "DtoH" in e["name"] and "Pageable" in e["name"]
    }

    def waits(event: dict[str, Any]) -> bool:
        if not on_accelerator:
            return event["cat"] == "cpu_op" and event["name"] in WAITING_OPERATORS
        if event["cat"] not in ("cuda_runtime", "cuda_driver"):
            return False
        is_copy = event["name"].startswith("cudaMemcpyAsync")
        return event["name"] in WAITING_CALLS or (
            is_copy and event["args"].get("correlation") in copies
        )

    return [
        Wait(event["name"], _place(event, owners))
        for event in events
        if waits(event) and any(_contains(each, event) for each in ranges)
    ]


def _place(event: dict[str, Any], owners: list[dict[str, Any]]) -> str:
    """The innermost function of the trainer, as `file(line): function`, or optimizer around it."""
    around = [o for o in owners if o["tid"] == event["tid"] and _contains(o, event)]
    if not around:
        return "a backward pass"  # which on an accelerator has a thread without Python
    return str(max(around, key=lambda owner: float(owner["ts"]))["name"])


def _contains(outer: dict[str, Any], inner: dict[str, Any]) -> bool:
    start, end = outer["ts"], outer["ts"] + outer["dur"]
    return bool(start <= inner["ts"] <= end)


def _warnings_of(run: Callable[[], object]) -> int:
    """Synchronisations that torch itself warns of; it does not know those of events."""
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            run()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in caught)
