import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from trainer.bench.command import PARTS, bench_command
from trainer.bench.discriminators import ModuleList, check_same
from trainer.bench.measure import Conditions, Timing, ratio, side_by_side
from trainer.bench.modes import count_flops, use_channels_first
from trainer.bench.result import TARGETS, BenchResult, verdict
from trainer.bench.run import MEASURES
from trainer.bench.subject import Stepper, config_for, synthetic_batches
from trainer.bench.synchronisations import PROFILED, find_waits, waits_of
from trainer.contract import Supervision
from trainer.models.discriminators import CategoryDiscriminators

CPU = torch.device("cpu")
QUICK = Conditions(CPU, repeat=2, seconds=0, threads=1, quick=True)


@pytest.fixture
def bench() -> Callable[..., Result]:
    app = typer.Typer()
    app.command()(bench_command)

    def run(*options: str) -> Result:
        return CliRunner().invoke(app, ["--quick", "--device", "cpu", "--threads", "1", *options])

    return run


def test_the_quick_bench_writes_what_it_prints(
    bench: Callable[..., Result], tmp_path: Path
) -> None:
    out = tmp_path / "bench.json"
    parts = "discriminators,step,synchronisations"
    result = bench("--parts", parts, "--repeat", "2", "--clock", "process", "--out", str(out))
    assert result.exit_code == 0, result.output
    written = BenchResult.model_validate_json(out.read_text())
    environment = written.environment
    assert environment.torch == torch.__version__
    assert (environment.threads, environment.clock, environment.cuda) == (1, "process", None)
    assert environment.device
    assert [part.part for part in written.parts] == parts.split(",")
    by_name = {part.part: part for part in written.parts}
    variants = [row["variant"] for row in by_name["discriminators"].rows]
    assert variants == ["batched", "module list", "slim"]
    assert by_name["discriminators"].rows[1]["list_over_this"] == 1
    steps = {row["step"]: row for row in by_name["step"].rows}
    assert steps["plain"]["percent_above_plain"] == 0
    assert {"full", "without category_alignment", "with self_training", "with class_mix"} < set(
        steps
    )
    assert all(isinstance(row["seconds"], float) for row in steps.values())
    for part in written.parts:
        for each in part.verdicts:
            assert each.line.replace(" ", "") in "".join(result.output.split())
    waits = by_name["synchronisations"]
    assert {row["supervision"] for row in waits.rows} == {each.value for each in Supervision}
    assert {row["inside_step"] for row in waits.rows} == {0.0}
    assert waits.verdicts[0].met
    json.loads(out.read_text())


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--parts", "step,stpe"], "error: parts: no 'stpe'; there are discriminators, step"),
        (["--device", "tpu"], "error: device: 'tpu'"),
        (["--source", "nowhere.yaml"], "error: --source and --target go together"),
        (["--source", "nowhere.yaml", "--target", "x.yaml"], "error: nowhere.yaml: cannot read"),
    ],
)
def test_bad_input_is_one_line(
    bench: Callable[..., Result], options: list[str], complaint: str
) -> None:
    result = bench(*options)
    assert result.exit_code == 2
    assert result.stderr.startswith(complaint)
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("part", ["features", "loading", "predict", "modes"])
def test_every_other_part_runs(part: str) -> None:
    result = MEASURES[part](QUICK)
    assert result.part == part
    assert result.rows
    assert len({tuple(row) for row in result.rows}) == 1  # one table, the same columns
    if part == "loading":
        assert [row["cache"] for row in result.rows] == ["on", "off"]
        assert all(0 <= float(row["waiting_percent"] or -1) <= 100 for row in result.rows)


def test_every_part_of_the_command_can_be_measured() -> None:
    assert tuple(MEASURES) == PARTS


def test_a_synchronisation_is_found_with_its_line() -> None:
    def waits() -> None:
        values = torch.arange(4.0)
        values[values > 1].sum().item()

    found = waits_of(waits, CPU)
    calls = [wait.call for wait in found]
    assert calls == ["aten::nonzero", "aten::_local_scalar_dense"] * PROFILED
    assert waits_of(lambda: torch.arange(4.0).sum(), CPU) == []


def test_waits_of_an_accelerator_are_told_from_calls_that_do_not_wait() -> None:
    def event(category: str, name: str, start: float, **more: object) -> dict[str, object]:
        return {"cat": category, "name": name, "ts": start, "dur": 2.0, "tid": 1, "args": more}

    step = event("user_annotation", "profiled step", 10) | {"dur": 50.0}
    guard = event("python_function", "trainer/method/nan_guard.py(30): read", 11)
    outer = event("python_function", "trainer/method/step.py(90): step", 10) | {"dur": 50.0}
    trace = [
        step,
        outer,
        guard,
        event("cuda_runtime", "cudaStreamSynchronize", 5),  # before the step
        event("cuda_runtime", "cudaEventSynchronize", 12),
        event("cuda_runtime", "cudaMemcpyAsync", 20, correlation=1),
        event("gpu_memcpy", "Memcpy DtoH (Device -> Pageable)", 21, correlation=1),
        event("cuda_runtime", "cudaMemcpyAsync", 30, correlation=2),
        event("gpu_memcpy", "Memcpy DtoH (Device -> Pinned)", 31, correlation=2),
        event("cuda_runtime", "cudaLaunchKernel", 40),
        event("user_annotation", "Optimizer.step#AdamW.step", 41),
        event("cuda_runtime", "cudaStreamSynchronize", 42),
        event("cuda_runtime", "cudaStreamSynchronize", 45) | {"tid": 2},
    ]
    assert [(wait.call, wait.place) for wait in find_waits(trace)] == [
        ("cudaEventSynchronize", "trainer/method/nan_guard.py(30): read"),
        ("cudaMemcpyAsync", "trainer/method/step.py(90): step"),
        ("cudaStreamSynchronize", "Optimizer.step#AdamW.step"),
        ("cudaStreamSynchronize", "a backward pass"),
    ]


def test_the_module_list_computes_what_the_batched_discriminators_do() -> None:
    torch.manual_seed(0)
    batched = CategoryDiscriminators(3, 8, hidden=5)
    listed = ModuleList(batched)
    pooled = torch.randn(4, 3, 8)
    torch.testing.assert_close(listed(pooled), batched(pooled))
    with torch.no_grad():
        batched.biases[-1][1] += 1
    with pytest.raises(RuntimeError, match="differ by 1"):
        check_same(batched, listed, pooled)


def test_ratios_are_of_the_same_round() -> None:
    slow = Timing(seconds=[2.0, 20.0, 6.0], process_seconds=[1.0] * 3)
    fast = Timing(seconds=[1.0, 10.0, 2.0], process_seconds=[1.0] * 3)
    assert ratio(slow, fast) == 2
    assert slow.row() == {"seconds": 6.0, "low": 4.0, "high": 13.0, "process_seconds": 1.0}


def test_what_is_compared_takes_turns() -> None:
    called: list[str] = []
    conditions = Conditions(CPU, repeat=3, quick=True)
    timings = side_by_side(
        conditions, {name: lambda name=name: called.append(name) for name in ("a", "b")}
    )
    assert "".join(called) == "aabb" + "ab" + "ba" + "ab"
    assert [len(timing.seconds) for timing in timings.values()] == [3, 3]


def test_a_comparison_ends_after_its_time_but_never_without_a_spread() -> None:
    timings = side_by_side(Conditions(CPU, repeat=9, seconds=0, quick=True), {"a": lambda: None})
    assert len(timings["a"].seconds) == 2


def test_a_verdict_says_what_was_wanted() -> None:
    met = verdict("discriminators", 3.41, on_accelerator=True)
    assert met.met
    assert met.line == "module list / batched: 3.41x (target at least 3x): met"
    missed = verdict("overhead", 26, on_accelerator=False)
    assert not missed.met
    assert missed.line.endswith("26 % (target at most 25 %): missed")
    assert verdict("overhead", 16, on_accelerator=True).met is False
    assert TARGETS["overhead"].on_accelerator == 15


def test_flops_of_a_convolution_are_counted_by_group_forward_and_backward() -> None:
    images = torch.randn(2, 8, 5, 5, requires_grad=True)
    for groups in (1, 8):
        layer = torch.nn.Conv2d(8, 8, 3, padding=1, groups=groups, bias=False)

        def run(layer: torch.nn.Module = layer) -> None:
            layer(images).sum().backward()

        forward = 2 * 2 * 8 * (8 // groups) * 9 * 25
        assert count_flops(run) == 3 * forward


def test_channels_first_computes_the_same_in_the_other_layout() -> None:
    adaptation = Stepper(config_for(QUICK)).adaptation
    images = synthetic_batches(adaptation.config)[0].images
    network = adaptation.segmenter.eval()
    with torch.no_grad():
        before = network(images)
        use_channels_first(adaptation)
        after = network(images)
    assert before.features.is_contiguous(memory_format=torch.channels_last)
    assert after.features.is_contiguous()
    torch.testing.assert_close(after.logits, before.logits, rtol=1e-3, atol=1e-4)
