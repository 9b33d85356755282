import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from trainer.data.fourier import with_low_frequencies_of


def reference(
    image: NDArray[np.uint8], style: NDArray[np.uint8], beta: float
) -> NDArray[np.float64]:
    """The paper's procedure on shifted spectra of (H, W) channels, before rounding."""
    source = np.fft.fftshift(np.fft.fft2(image.astype(np.float64)))
    target = np.fft.fftshift(np.fft.fft2(style.astype(np.float64)))
    height, width = image.shape
    reach = int(np.floor(beta * min(height, width)))
    amplitude, phase = np.abs(source), np.angle(source)
    for row in range(height):
        for column in range(width):
            near = abs(row - height // 2) <= reach and abs(column - width // 2) <= reach
            if near:
                amplitude[row, column] = np.abs(target[row, column])
    mixed = np.fft.ifft2(np.fft.ifftshift(amplitude * np.exp(1j * phase)))
    return mixed.real.clip(0, 255)


def noise(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (3, height, width), np.uint8)


@settings(deadline=None, max_examples=25)
@given(
    height=st.integers(4, 17),
    width=st.integers(4, 17),
    beta=st.sampled_from([0.001, 0.09, 0.2, 0.5]),
    seed=st.integers(0, 1000),
)
def test_it_is_the_papers_procedure(height: int, width: int, beta: float, seed: int) -> None:
    image, style = noise(seed, height, width), noise(seed + 1, height, width)
    mixed = with_low_frequencies_of(torch.from_numpy(image), torch.from_numpy(style), beta)
    assert mixed.dtype == torch.uint8
    for channel in range(3):
        expected = reference(image[channel], style[channel], beta)
        # Half a level for the rounding, and what float32 loses.
        assert np.abs(mixed[channel].numpy() - expected).max() < 0.51


def test_a_tiny_beta_exchanges_the_mean_colour_alone() -> None:
    image = torch.full((3, 6, 8), 100, dtype=torch.uint8)
    image[:, :, :4] = 60
    style = torch.full((3, 6, 8), 90, dtype=torch.uint8)
    mixed = with_low_frequencies_of(image, style, 0.001)
    assert set(mixed[:, :, :4].flatten().tolist()) == {70}
    assert set(mixed[:, :, 4:].flatten().tolist()) == {110}


@pytest.mark.parametrize("beta", [0.001, 0.1, 0.5])
def test_constant_images_take_the_other_colour(beta: float) -> None:
    image = torch.zeros(3, 6, 8, dtype=torch.uint8)
    style = torch.tensor([10, 200, 255], dtype=torch.uint8)[:, None, None].expand(3, 6, 8)
    assert torch.equal(with_low_frequencies_of(image, style, beta), style)


def test_its_own_style_changes_nothing_and_the_layout_stays() -> None:
    image = torch.from_numpy(noise(0, 8, 12)).permute(1, 2, 0).contiguous().permute(2, 0, 1)
    mixed = with_low_frequencies_of(image, image, 0.3)
    assert torch.equal(mixed, image)
    assert mixed.stride() == image.stride()


def test_a_style_of_another_size_is_resized() -> None:
    style = torch.zeros(3, 30, 20, dtype=torch.uint8)
    style[:, :, 10:] = 100
    mixed = with_low_frequencies_of(torch.full((3, 8, 12), 200, dtype=torch.uint8), style, 0.001)
    assert torch.equal(mixed, torch.full((3, 8, 12), 50, dtype=torch.uint8))
