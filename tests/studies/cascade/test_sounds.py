"""Sounds against an FFT that is not ours: pitch, timbre and beat are what the class says, the rest is chance."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal import hilbert
from scipy.signal import stft as scipy_stft

from toyclip.data import CLASSES, COLORS, SHAPES
from toyclip.errors import InputError
from toyclip.studies.cascade import listening
from toyclip.studies.cascade.listening import SoundEncoder, spectrogram
from toyclip.studies.cascade.sounds import LENGTH, RATE, Voice, describe, draw_sounds, play

CLEAR = replace(Voice(), noise=(0.0, 0.0), lasts=(1.0, 1.0))
EXACT = replace(CLEAR, bend=0.0, depth=(0.0, 0.0))


def peaks(wave: np.ndarray, pitch: float) -> np.ndarray:
    """Amplitudes at the first six multiples of a pitch, the largest 1."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 8 * len(wave)))
    at = [round(pitch * k * 8 * len(wave) / RATE) for k in range(1, 7)]
    found = np.array([spectrum[max(0, i - 8) : i + 9].max() for i in at])
    return found / found.max()


@pytest.mark.parametrize(("color", "shape"), CLASSES)
def test_harmonics_stand_at_multiples_of_the_shape_s_pitch_as_the_colour_says(color, shape):
    wave = play(color, shape, np.random.default_rng(3), EXACT).astype(float)
    voice = EXACT.harmonics[COLORS.index(color)]
    wanted = np.array([*voice, *[0.0] * (6 - len(voice))]) / max(voice)
    assert peaks(wave, EXACT.pitch[SHAPES.index(shape)]) == pytest.approx(wanted, abs=0.05)


@pytest.mark.parametrize("shape", SHAPES)
def test_pitch_bends_within_two_semitones_and_never_to_the_next_shape(shape):
    found = []
    for seed in range(40):
        wave = play("red", shape, np.random.default_rng(seed), replace(CLEAR, depth=(0.0, 0.0))).astype(float)
        spectrum = np.abs(np.fft.rfft(wave, 16 * LENGTH))
        found.append(spectrum.argmax() * RATE / (16 * LENGTH))
    semitones = 12 * np.log2(np.array(found) / Voice().pitch[SHAPES.index(shape)])
    assert np.abs(semitones).max() < 2.1
    assert semitones.std() > 0.8
    assert np.diff(12 * np.log2(Voice().pitch)).min() > 2 * 2.1


@pytest.mark.parametrize("color", COLORS)
def test_beat_is_the_colour_s(color):
    """The strongest frequency of the envelope, which SciPy's analytic signal gives."""
    pure = replace(CLEAR, harmonics=((1.0,),) * 4, depth=(0.9, 0.9))
    low, high = Voice().beat[COLORS.index(color)]
    for seed in range(10):
        envelope = np.abs(hilbert(play(color, "cross", np.random.default_rng(seed), pure).astype(float)))
        envelope = (envelope - envelope.mean()) * np.hanning(LENGTH)
        strongest = np.abs(np.fft.rfft(envelope, 16 * LENGTH)).argmax() * RATE / (16 * LENGTH)
        assert low - 1 < strongest < high + 1


def test_loudness_length_start_and_noise_vary():
    sounds = np.stack(
        [play("green", "square", np.random.default_rng(s), replace(Voice(), noise=(0, 0))) for s in range(60)]
    )
    loudest = np.abs(sounds.astype(int)).max(axis=1) / 32767
    assert 0.05 < loudest.min() < 0.25 < 0.5 < loudest.max() <= 0.6
    audible = [np.flatnonzero(np.abs(s) > 50) for s in sounds]
    starts, lengths = np.array([(a[0], a[-1] - a[0]) for a in audible]).T
    assert starts.std() > 200
    assert lengths.min() < 0.65 * LENGTH < 0.9 * LENGTH < lengths.max()
    assert np.abs(play("green", "square", np.random.default_rng(0)).astype(int)).min() >= 0


def test_sounds_are_those_of_their_classes_in_order_and_the_seed_s_own():
    classes = torch.tensor([5, 0, 5])
    sounds = draw_sounds(classes, seed=4)
    assert sounds.shape == (3, LENGTH)
    assert sounds.dtype == torch.int16
    assert torch.equal(sounds, draw_sounds(classes, seed=4))
    assert not torch.equal(sounds, draw_sounds(classes, seed=5))
    assert not torch.equal(sounds[0], sounds[2])


def test_every_class_is_described_in_words_of_its_own():
    told = [describe(*pair) for pair in CLASSES]
    assert len(set(told)) == 16
    assert all(t.startswith("a ") and " tone, " in t for t in told)


@pytest.mark.parametrize(("color", "shape"), [("pink", "circle"), ("red", "heart")])
def test_unknown_class_is_refused(color, shape):
    with pytest.raises(InputError, match="cannot play"):
        play(color, shape, np.random.default_rng(0))


def test_spectrogram_is_scipy_s():
    sounds = draw_sounds(torch.arange(4), seed=0)
    _, _, bins = scipy_stft(
        sounds.numpy() / 32768, RATE, "hann", listening.WINDOW, listening.HOP, boundary="zeros", padded=False
    )
    scale = np.hanning(listening.WINDOW + 1)[:-1].sum()  # SciPy divides by it
    wanted = np.log(np.abs(bins[:, 1 : listening.BINS + 1]) * scale + listening.QUIET) / 3 + 1
    found = spectrogram(sounds).numpy()
    assert found.shape == (4, 64, 1 + LENGTH // listening.HOP)
    assert found == pytest.approx(wanted[:, :, : found.shape[2]], abs=2e-2)
    assert -2 < found.mean() < 2


def test_encoder_has_so_many_parameters_its_own_weights_and_leaves_the_generator():
    state = torch.get_rng_state()
    linear, same, other, deep = SoundEncoder(), SoundEncoder(), SoundEncoder(seed=1), SoundEncoder(head="MLP")
    assert torch.equal(torch.get_rng_state(), state)
    assert sum(p.numel() for p in linear.parameters()) == 45_248
    assert sum(p.numel() for p in deep.parameters()) == 45_248 + 64 * 64 + 64
    assert torch.equal(linear.first.weight, same.first.weight)
    assert not torch.equal(linear.first.weight, other.first.weight)
    assert torch.equal(linear.first.weight, deep.first.weight)
    assert linear(torch.zeros(3, 64, 32)).shape == (3, 64)
