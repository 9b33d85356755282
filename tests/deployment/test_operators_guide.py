"""The operators' guide names every setting, and no setting that does not exist."""

import re

from server.settings import Settings, secret_names
from tests.deployment.compose import ROOT

# Read by the command line, not by the settings.
OF_COMMANDS = {"WEAKSEG_PASSWORD", "WEAKSEG_DEMO_PASSWORD"}


def test_the_guide_and_the_settings_agree() -> None:
    guide = (ROOT / "docs/operators.md").read_text()
    table = guide.partition("## All settings")[2]
    settings = {f"WEAKSEG_{name.upper()}" for name in Settings.model_fields}
    files = {f"WEAKSEG_{name.upper()}_FILE" for name in secret_names(Settings)}
    assert set(re.findall(r"WEAKSEG_[A-Z_]+", table)) == settings | files
    assert set(re.findall(r"WEAKSEG_[A-Z_]+", guide)) <= settings | files | OF_COMMANDS
