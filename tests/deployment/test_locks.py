"""The lock files hold what pyproject.toml asks for, each with hashes, and no one's private index."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.deployment.compose import ROOT

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)", re.MULTILINE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TEST_EXTRA = PROJECT["optional-dependencies"]["test"]


def pins(file: str) -> dict[str, str]:
    text = (ROOT / file).read_text()
    return {found["name"].lower(): found["version"] for found in PIN.finditer(text)}


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("requirements.lock", PROJECT["dependencies"]),
        ("requirements-test.lock", [*PROJECT["dependencies"], *TEST_EXTRA]),
    ],
)
def test_every_dependency_is_pinned_within_its_range(file: str, wanted: list[str]) -> None:
    pinned = pins(file)
    for requirement in map(Requirement, wanted):
        assert pinned[requirement.name.lower()] in requirement.specifier, requirement


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-test.lock"])
def test_every_pin_has_hashes_and_no_address(file: str) -> None:
    text = (ROOT / file).read_text()
    for block in re.split(r"\n(?=\S)", text):
        if PIN.match(block):
            assert "--hash=sha256:" in block, block
    assert "://" not in text


def test_tests_run_with_the_packages_that_people_run() -> None:
    product, tests = pins("requirements.lock"), pins("requirements-test.lock")
    assert product.items() <= tests.items()
