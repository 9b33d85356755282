"""Fourier domain adaptation: a source image with the look of a target image, without a network.

Yang and Soatto, "FDA: Fourier Domain Adaptation for Semantic Segmentation", CVPR 2020.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def with_low_frequencies_of(image: Tensor, style: Tensor, beta: float) -> Tensor:
    """`image` with the amplitudes of the low frequencies of `style` (Eq. 3); phases stay.

    Low are frequencies of at most floor(beta * min(H, W)) periods per image along both sides, so
    that a very small beta exchanges the mean colour alone. A frequency that the image lacks has
    phase 0.

    Args:
        image: (3, H, W) uint8.
        style: (3, h, w) uint8; it is resized to the image.
        beta: half the side of the square of exchanged frequencies, as a share of the shorter side.

    Returns:
        (3, H, W) uint8, rounded and clipped to 0..255, in the memory layout of `image`.
    """
    height, width = image.shape[-2:]
    source = torch.fft.rfft2(image.float())
    target = torch.fft.rfft2(_resized(style, (height, width)))
    reach = int(beta * min(height, width))
    rows = torch.fft.fftfreq(height, 1 / height).abs().le(reach).nonzero()[:, 0]
    low = (slice(None), rows, slice(reach + 1))
    source[low] = torch.polar(target[low].abs(), source[low].angle())
    mixed = torch.fft.irfft2(source, s=(height, width)).round().clamp(0, 255)
    return torch.empty_like(image).copy_(mixed)


def _resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    if image.shape[-2:] == size:
        return image.float()
    return F.interpolate(image[None].float(), size, mode="bilinear", antialias=True)[0]
