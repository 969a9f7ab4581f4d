"""StyleGAN, oriented: images of StyleGAN2-style generators that were never trained.

The process "StyleGAN oriented" of Baradad et al. 2021 ("Learning to see by looking at noise", arXiv 2106.05963,
section 3.3) on the synthesis network of Karras et al. 2020 (arXiv 1912.04958) with skip connections. Its rules:

* every 3x3 filter of a layer is one of 5 to 40 wavelets (edges and bars in 8 orientations, points, crosses, and their
  negatives), one for each input channel, times one random number for each output channel;
* biases U[-0.2, 0.2]; one pink noise map, its exponent U[0.5, 1.5], under a smooth Laplacian envelope, shared by all
  layers with a strength U[0, 0.3] each;
* styles 1 + A w with random A, w leaky-rectified normal; to RGB with random weights at every resolution;
* each channel of the result gets mean and standard deviation N(mean, spread^2) around those of natural images.

Demodulation leaves nothing but the sign of the number of an output channel. So a layer computes a single map, of which
its channels are ``relu(+-map + noise + bias)``, and a convolution of C channels is a sum over those that share a
wavelet and a convolution of at most 40: exact, and some tens of times fewer multiplications than the network as
published. An upsampling layer's filter (1, 3, 3, 1) is bilinear interpolation and commutes with the convolution.

Here a program is one generator: the images of a program share filters, signs, biases and A, and differ in styles,
noise and colours. (The published code draws filters and biases for every image: `images_per_program` 1.)

Letters: C channels, H W size of a layer, R size of the network.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image

from procgen.process import Path
from procgen.seeds import generator
from procgen.sources.generated import ImageByImage
from procmem.errors import UserError, unknown_name

Device = Literal["auto", "cpu", "cuda"]

CHANNEL_MEANS, CHANNEL_MEAN_SPREADS = (0.483, 0.455, 0.401), (0.145, 0.142, 0.161)
CHANNEL_STDS, CHANNEL_STD_SPREADS = (0.219, 0.213, 0.213), (0.063, 0.062, 0.069)
SMALLEST_STD = 0.02
"""The published normal law may give a standard deviation below 0."""
BIAS_RANGE = 0.2
NOISE_STRENGTH = 0.3
NOISE_EXPONENTS = (0.5, 1.5)
LEAST_WAVELETS = 5
LATENT_SIZE = 64
"""Of w. 512 in StyleGAN2; a style is a sum over them and normal by then with either."""
LEAKY_SLOPE = 0.2


class Layer(NamedTuple):
    """One convolution and its activation.

    Attributes:
        size: H = W of its output.
        filters: (J, 3, 3) the wavelets it uses.
        chosen: (C_in,) which of them each input channel goes through.
        affine: (C_in, LATENT_SIZE) of the styles.
        signs: (C_out,) of its output channels.
        biases: (C_out,).
    """

    size: int
    filters: torch.Tensor
    chosen: torch.Tensor
    affine: torch.Tensor
    signs: torch.Tensor
    biases: torch.Tensor


class Generator(NamedTuple):
    """Weights of one untrained generator.

    Attributes:
        constant: (C, 4, 4), the input.
        layers: the convolutions, one at the smallest resolution and two at each further one.
        to_rgb: weights (3, C) and affine (C, LATENT_SIZE) for each resolution.
    """

    constant: torch.Tensor
    layers: list[Layer]
    to_rgb: list[tuple[torch.Tensor, torch.Tensor]]


class StyleGAN(ImageByImage):
    """Untrained StyleGAN2-style generators with oriented filters.

    Args:
        image_size_px: side of the images; the network's is the next power of two, and its images are then resized.
        block_size: N, images in a block.
        images_per_program: images of a block that share a generator.
        channel_base: C of a layer is channel_base / H ...
        channel_max: ... and at most this; StyleGAN2 has 32,768 and 512.
        device: auto takes the GPU where there is one. Bytes are the same for one kind of device.

    Raises:
        UserError: if a number is below 1, or the device is unknown.
    """

    name = "stylegan"

    def __init__(
        self,
        *,
        image_size_px: int,
        block_size: int = 1024,
        images_per_program: int = 16,
        channel_base: int = 32768,
        channel_max: int = 512,
        device: Device = "auto",
    ) -> None:
        super().__init__(image_size_px=image_size_px, block_size=block_size, images_per_program=images_per_program)
        if channel_base < 1 or channel_max < 1:
            raise UserError(f"channel_base and channel_max must be at least 1, got {channel_base} and {channel_max}")
        if device not in get_args(Device):
            raise unknown_name("device", device, get_args(Device))
        self.channel_base = channel_base
        self.channel_max = channel_max
        self.device: Device = device

    def options(self) -> dict[str, Any]:
        return {"channel_base": self.channel_base, "channel_max": self.channel_max}

    def _image(
        self, root_seed: int, block_index: int, image_index: int, program: int, path: Path
    ) -> npt.NDArray[np.uint8]:
        device = self._device()
        size = 1 << max(2, math.ceil(math.log2(self.image_size_px)))
        weights = _generator(root_seed, (*path, "weights", program), size, self.channel_base, self.channel_max, device)
        random = generator(root_seed, *path, "image", self._sample(block_index, image_index))
        target = draw_channel_statistics(random)
        image = synthesise(weights, random, size)
        if size != self.image_size_px:
            image = F.interpolate(image[None], size=(self.image_size_px,) * 2, mode="bilinear", antialias=True)[0]
        pixels = recolour(image, *target).clamp_(0, 1).mul_(255).round_().to(torch.uint8)
        out: npt.NDArray[np.uint8] = pixels.cpu().numpy()
        return out

    def _details(self, root_seed: int, block_index: int, image_index: int, program: int, path: Path) -> dict[str, Any]:
        random = generator(root_seed, *path, "image", self._sample(block_index, image_index))
        means, stds = draw_channel_statistics(random)
        return {"channel_means": means.tolist(), "channel_stds": stds.tolist()}

    def _device(self) -> str:
        if self.device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        return self.device


def wavelets() -> npt.NDArray[np.float32]:
    """(40, 3, 3): edges and bars in 8 orientations each, four points and crosses, and the negatives of these 20."""
    edge = np.ones((11, 11), dtype=np.float32)
    edge[:, 5] = 0
    edge[:, 6:] = -1
    bar = np.ones((11, 11), dtype=np.float32)
    bar[:, 5] = -1
    found = []
    for pattern in (edge, bar):
        for k in range(8):
            turned = np.asarray(Image.fromarray(pattern).rotate(k * 22.5, resample=Image.Resampling.BILINEAR))
            middle = turned[4:7, 4:7]
            found.append(middle - middle.mean())
    point, cross = np.zeros((3, 3), dtype=np.float32), np.ones((3, 3), dtype=np.float32)
    point[1, 1] = 1
    cross[::2, ::2] = 0
    found += [point, 2 * point - 1, cross, 2 * cross - 1]
    return np.stack(found + [-wavelet for wavelet in found]).astype(np.float32)


def draw_generator(random: np.random.Generator, size: int, channel_base: int, channel_max: int) -> Generator:
    """Random weights of a network for size x size images."""
    bank = wavelets()
    sizes = [4 << k for k in range(int(math.log2(size)) - 1)]
    channels = {own: max(1, min(channel_base // own, channel_max)) for own in sizes}
    layers, to_rgb = [], []
    for own in sizes:
        previous = channels[max(4, own // 2)]
        for C_in in (channels[own],) if own == 4 else (previous, channels[own]):
            J = int(random.integers(LEAST_WAVELETS, len(bank) + 1))
            layers.append(
                Layer(
                    own,
                    torch.from_numpy(bank[random.permutation(len(bank))[:J]]),
                    torch.from_numpy(random.integers(0, J, size=C_in)),
                    _normal(random, C_in, LATENT_SIZE) / math.sqrt(LATENT_SIZE),
                    torch.from_numpy(random.choice(np.array([-1, 1], dtype=np.float32), size=channels[own])),
                    torch.from_numpy(random.uniform(-BIAS_RANGE, BIAS_RANGE, channels[own]).astype(np.float32)),
                )
            )
        affine = _normal(random, channels[own], LATENT_SIZE) / math.sqrt(LATENT_SIZE)
        to_rgb.append((_normal(random, 3, channels[own]) / math.sqrt(channels[own]), affine))
    return Generator(_normal(random, channels[4], 4, 4), layers, to_rgb)


def synthesise(weights: Generator, random: np.random.Generator, size: int) -> torch.Tensor:
    """One image of a generator, float32 (3, R, R) without fixed range, with styles and noise drawn from `random`."""
    device = weights.constant.device
    noise = torch.from_numpy(pink_noise(random, size)).to(device)
    latents = F.leaky_relu(_normal(random, len(weights.layers) + len(weights.to_rgb), LATENT_SIZE), LEAKY_SLOPE)
    strengths = (random.random(len(weights.layers)) * NOISE_STRENGTH).tolist()
    latent_of = iter(latents.to(device))
    activations, rgb = weights.constant, None
    to_rgb = iter(weights.to_rgb)
    for number, (layer, strength) in enumerate(zip(weights.layers, strengths, strict=True)):
        style = 1 + layer.affine @ next(latent_of)
        response = convolve(activations, layer, style)
        local = F.adaptive_avg_pool2d(noise[None], layer.size)[0] * strength
        activations = activate(response, local, layer)
        if number % 2 == 0:  # the second convolution of a resolution; the smallest has only this one
            colour, affine = next(to_rgb)
            own = torch.einsum("ci,ihw->chw", colour * (1 + affine @ next(latent_of)), activations)
            rgb = own if rgb is None else own + _double(rgb)
    assert rgb is not None
    return rgb


def convolve(activations: torch.Tensor, layer: Layer, style: torch.Tensor) -> torch.Tensor:
    """(H, W) the layer's map: sum over channels of style * wavelet * activation, demodulated.

    Args:
        activations: (C_in, h, w) at the layer's size or half of it.
        layer: the layer.
        style: (C_in,).
    """
    J = len(layer.filters)
    grouping = torch.zeros((J, len(style)), device=style.device)
    grouping[layer.chosen, torch.arange(len(style), device=style.device)] = style
    grouped = torch.einsum("ji,ihw->jhw", grouping, activations)
    if grouped.shape[-1] != layer.size:
        grouped = _double(grouped)
    energy = (style.square() * layer.filters.square().sum((1, 2))[layer.chosen]).sum()
    padded = F.pad(grouped[None], (1, 1, 1, 1), mode="replicate")
    summed = F.conv2d(padded, layer.filters[None])[0, 0]
    return summed * torch.rsqrt(energy + 1e-8)


def activate(response: torch.Tensor, noise: torch.Tensor, layer: Layer) -> torch.Tensor:
    """(C_out, H, W) ``sqrt(2) * relu(sign * response + noise + bias)``."""
    maps = torch.stack([response, noise]).flatten(1)
    signed = torch.addmm(layer.biases[:, None], torch.stack([layer.signs, torch.ones_like(layer.signs)], dim=1), maps)
    return signed.relu_().mul_(math.sqrt(2)).view(-1, *response.shape)


def pink_noise(random: np.random.Generator, size: int) -> npt.NDArray[np.float32]:
    """(R, R) noise of magnitude 1 / frequency^U[0.5, 1.5] under a smooth random envelope, standard deviation 1."""
    exponent = random.uniform(*NOISE_EXPONENTS)
    radius = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size))
    radius[0, 0] = np.inf
    phases = np.exp(2j * np.pi * random.random(radius.shape))
    noise = np.fft.irfft2(phases / radius**exponent, s=(size, size))
    envelope = Image.fromarray(random.laplace(size=(4, 4)).astype(np.float32))
    noise = noise * np.asarray(envelope.resize((size, size), Image.Resampling.LANCZOS))
    return np.asarray(noise / noise.std(), dtype=np.float32)


def draw_channel_statistics(random: np.random.Generator) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Means (3,) and standard deviations (3,) of an image's channels, in 0..1."""
    means = random.normal(CHANNEL_MEANS, CHANNEL_MEAN_SPREADS)
    return means, np.maximum(random.normal(CHANNEL_STDS, CHANNEL_STD_SPREADS), SMALLEST_STD)


def recolour(image: torch.Tensor, means: npt.NDArray[np.float64], stds: npt.NDArray[np.float64]) -> torch.Tensor:
    """(3, H, W) with these channel means and standard deviations."""
    flat = image.flatten(1)
    flat = (flat - flat.mean(1, keepdim=True)) / flat.std(1, keepdim=True, correction=0).clamp(min=1e-8)
    scale, shift = (torch.from_numpy(v).float().to(image.device)[:, None] for v in (stds, means))
    return (flat * scale + shift).view_as(image)


@functools.lru_cache(maxsize=8)
def _generator(root_seed: int, key: Path, size: int, channel_base: int, channel_max: int, device: str) -> Generator:
    drawn = draw_generator(generator(root_seed, *key), size, channel_base, channel_max)
    return Generator(
        drawn.constant.to(device),
        [Layer(layer.size, *(tensor.to(device) for tensor in layer[1:])) for layer in drawn.layers],
        [(colour.to(device), affine.to(device)) for colour, affine in drawn.to_rgb],
    )


def _normal(random: np.random.Generator, *shape: int) -> torch.Tensor:
    return torch.from_numpy(random.standard_normal(shape, dtype=np.float32))


def _double(maps: torch.Tensor) -> torch.Tensor:
    """(C, H, W) to twice the size; the filter (1, 3, 3, 1)."""
    return F.interpolate(maps[None], scale_factor=2, mode="bilinear")[0]
