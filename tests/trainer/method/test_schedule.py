import pytest

from trainer.method.schedule import poly


def test_poly_falls_from_one_to_zero() -> None:
    assert poly(0, 10) == 1
    assert poly(5, 10) == pytest.approx(0.5**0.9)
    assert poly(10, 10) == 0
    assert poly(0, 0) == 1
