from __future__ import annotations

import numpy as np
import pytest

from facewatch.restoration.classical import dct


def noise(seed=0, size=(96, 128)):
    return np.random.default_rng(seed).normal(0, 10, size).astype(np.float32)


@pytest.mark.parametrize(("top", "left"), [(0, 0), (3, 5)])
def test_splitting_and_joining_gives_the_same_pixels(top, left):
    plane = noise()
    pixels = dct.join(dct.split(plane, top, left), plane.shape, top, left)
    area = plane[top : top + pixels.shape[0], left : left + pixels.shape[1]]
    np.testing.assert_allclose(pixels, area, atol=1e-4)


def test_noise_is_as_strong_in_each_coefficient_as_in_a_pixel():
    spread = dct.split(noise(size=(512, 512)), 0, 0).std(0)
    assert 9 < spread.min() < spread.max() < 11


def test_a_rule_that_changes_nothing_leaves_the_plane_unchanged():
    plane = noise()
    same = dct.slide([plane], lambda each: (each, np.ones(len(each), np.float32)))
    np.testing.assert_allclose(same, plane, atol=1e-3)


def test_the_threshold_keeps_the_mean_and_drops_small_coefficients():
    plane = 100 + noise()
    flat = dct.slide([plane], dct.threshold(np.full(64, 1000.0)))
    assert abs(flat.mean() - plane.mean()) < 0.5
    assert flat.std() < 3


def test_the_wiener_filter_keeps_the_signal_of_the_pilot():
    signal = np.tile(np.repeat([20.0, 200.0], 24), (96, 2)).astype(np.float32)
    noisy = signal + noise(size=signal.shape)
    cleaned = dct.slide([noisy, signal], dct.shrink(np.full(64, 10.0)))
    assert np.abs(cleaned - signal).mean() < 0.3 * np.abs(noisy - signal).mean()


@pytest.mark.parametrize("strength", [2.0, 10.0])
def test_the_spectrum_of_noise_is_even_and_shows_its_strength(strength):
    least, most = dct.Spectrum(noise(size=(512, 512)) * np.float32(strength / 10)).band(0.2, 0.4)
    assert 0.9 * strength < least < most < 1.1 * strength


def test_halving_takes_the_mean_of_four_and_doubling_keeps_it():
    plane = noise()
    small = dct.halve(plane)
    np.testing.assert_allclose(small[0, 0], plane[:2, :2].mean(), rtol=1e-4)
    assert dct.double(small).shape == plane.shape
