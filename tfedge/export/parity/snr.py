"""How far one array is from another: signal-to-noise ratio in decibels."""

import numpy as np

EXACT_DB = 160.0  # nearer than float64 sums can tell apart for float32 values


def decibels(signal: np.ndarray, noisy: np.ndarray, beside: np.ndarray | None = None) -> float:
    """10 log10 of the signal's energy over that of the difference, at most `EXACT_DB`.

    Args:
        signal: what was to be, any shape.
        noisy: as many values in the same order; shapes may differ.
        beside: values whose energy, by value, counts in place of the signal's where it is larger.

    Returns:
        Decibels; -`EXACT_DB` where there is a value that is not finite, or a difference to zeros.
    """
    wanted = np.asarray(signal, np.float64).reshape(-1)
    difference = np.asarray(noisy, np.float64).reshape(-1) - wanted
    noise, power = float(difference @ difference), float(wanted @ wanted)
    if beside is not None:
        power = max(power, wanted.size * float(np.mean(np.square(beside, dtype=np.float64))))
    if not np.isfinite(noise) or not np.isfinite(power):
        return -EXACT_DB
    if noise == 0.0:
        return EXACT_DB
    if power == 0.0:
        return -EXACT_DB
    return float(np.clip(10 * np.log10(power / noise), -EXACT_DB, EXACT_DB))
