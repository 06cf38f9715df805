"""The weight in words: Strong, Balanced and Faithful; 0 and 1 keep their meaning."""

from __future__ import annotations

from facewatch.errors import WrongUse

WORDS = {"Strong": 0.0, "Balanced": 0.5, "Faithful": 0.8}
STRONG_BELOW, FAITHFUL_ABOVE = 0.35, 0.65
HELP = "0 (strong) to 1 (closest to the original), or a word: strong, balanced, faithful."
METAVAR = "WEIGHT"


def word_for(weight: float) -> str:
    """Return the word for a weight, 0-1."""
    if weight < STRONG_BELOW:
        return "Strong"
    return "Faithful" if weight > FAITHFUL_ABOVE else "Balanced"


def format_weight(weight: float) -> str:
    """Return a weight as a word and a number: "Balanced (0.5)"."""
    return f"{word_for(weight)} ({format_number(weight)})"


def format_number(weight: float) -> str:
    """Return a weight with at least one decimal: "0.0", "0.65"."""
    return f"{weight:.1f}" if round(weight, 1) == weight else f"{weight:g}"


def parse_weight(text: str) -> float:
    """Return the weight that a word or a number means.

    Raises WrongUse unless it is one of the words or a number from 0 to 1.
    """
    word = WORDS.get(text.strip().capitalize())
    if word is not None:
        return word
    try:
        weight = float(text)
    except ValueError:
        weight = float("nan")
    if not 0 <= weight <= 1:
        raise WrongUse(f"the weight {text} is not possible: {HELP}")
    return weight
