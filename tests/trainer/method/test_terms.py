"""The table of terms, beside what the document of the method says of it."""

import re
from pathlib import Path

from trainer.contract import LossWeights
from trainer.contract.config import NOT_OF_THE_PAPER
from trainer.method.terms import TERMS

METHOD = Path(__file__).parents[3] / "docs/method.md"


def documented() -> dict[str, tuple[str, str]]:
    """Default and symbol of each weight, as the table in the document has them."""
    table = METHOD.read_text().partition("| `weights.` | default |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", table, re.MULTILINE)
    return {name: (default, symbol) for name, default, symbol in rows}


def test_every_weight_is_of_a_term_and_in_the_document() -> None:
    weights = set(LossWeights.model_fields)
    assert set(documented()) == weights
    assert weights < {term.name for term in TERMS}


def test_the_document_has_the_defaults_and_the_papers_symbols() -> None:
    defaults = LossWeights()
    symbols = {term.name: term.symbol for term in TERMS}
    for name, (default, symbol) in documented().items():
        assert symbol.split(":")[0] == (symbols[name] or "none"), name
        number = getattr(defaults, name)
        if number is not None:
            assert float(default.split()[0]) == number, name


def test_the_study_leaves_out_the_weights_that_have_no_symbol() -> None:
    weights = [term for term in TERMS if term.name in LossWeights.model_fields]
    assert {term.name for term in weights if term.symbol is None} == set(NOT_OF_THE_PAPER)


def test_no_term_is_named_twice() -> None:
    names = [term.name for term in TERMS]
    assert len(set(names)) == len(names)
