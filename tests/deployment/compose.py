"""docker-compose.yml, and its services run without containers on this machine."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = str(Path(sys.executable).parent)
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::-(?P<default>[^}]*)|:\?[^}]*)?\}")

Service = Mapping[str, Any]


def load() -> dict[str, Any]:
    """The file as Compose reads it, before variables are filled in."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return content


def fill_in(value: Any, variables: Mapping[str, str]) -> Any:
    """The value with its `${VARIABLE}`s replaced, as Compose does; `$$` is a dollar sign."""
    if isinstance(value, str):
        filled = VARIABLE.sub(
            lambda found: variables.get(found["name"], found["default"] or ""), value
        )
        return filled.replace("$$", "$")
    if isinstance(value, list):
        return [fill_in(item, variables) for item in value]
    if isinstance(value, dict):
        return {key: fill_in(item, variables) for key, item in value.items()}
    return value


def variables_of(dockerfile: Path) -> dict[str, str]:
    """What the image's last stage sets for whatever runs in it, but for PATH."""
    last_stage = dockerfile.read_text().rpartition("\nFROM ")[2].replace("\\\n", " ")
    lines = re.findall(r"^ENV (.*)$", last_stage, re.MULTILINE)
    given = dict(word.split("=", 1) for line in lines for word in line.split())
    return {name: value for name, value in given.items() if name != "PATH"}


class Machine:
    """Runs commands of services as a container would, with addresses of this machine.

    The folder that is a container's home and working directory stays empty and cannot be written
    to, as in a container whose root file system is read-only.
    """

    def __init__(self, addresses: Mapping[str, str], folder: Path) -> None:
        """`addresses`: of a container's files and neighbours to those of this machine.

        `folder`: its `programs` are found before those of this machine.
        """
        self.addresses = dict(addresses)
        self._programs = folder / "programs"
        self.home = folder / "home"
        self.home.mkdir(mode=0o555)

    def translate(self, text: str) -> str:
        """The text with the addresses of containers replaced by those of this machine."""
        longest_first = sorted(self.addresses, key=len, reverse=True)
        inside = "|".join(map(re.escape, longest_first))
        return re.sub(inside, lambda found: self.addresses[found[0]], text)

    def environment(self, service: Service) -> dict[str, str]:
        image = variables_of(ROOT / service["build"]["dockerfile"]) if "build" in service else {}
        given = image | service.get("environment", {})
        return {
            "PATH": f"{self._programs}:{PROGRAMS}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "HOSTNAME": socket.gethostname(),
            "PYTHONPATH": str(ROOT),
            "TMPDIR": self.translate("/tmp"),
            **{name: self.translate(value) for name, value in given.items()},
        }

    def start(self, service: Service) -> subprocess.Popen[bytes]:
        """Start the service's command; its output goes to the test's."""
        return subprocess.Popen(
            [self.translate(part) for part in service["command"]],
            env=self.environment(service),
            cwd=self.home,
        )

    def is_healthy(self, service: Service) -> bool:
        """Run the service's health check once."""
        kind, *test = (self.translate(part) for part in service["healthcheck"]["test"])
        command = ["sh", "-c", *test] if kind == "CMD-SHELL" else test
        ended = subprocess.run(
            command,
            env=self.environment(service),
            cwd=self.home,
            check=False,
            capture_output=True,
        )
        return ended.returncode == 0

    def wait_until_healthy(self, service: Service, process: subprocess.Popen[bytes]) -> bool:
        """Whether the service got healthy before it ended and within two minutes."""
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if self.is_healthy(service):
                return True
            time.sleep(0.2)
        return False
