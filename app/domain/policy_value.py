"""One value of a policy: its default, range, unit and words, and what may be given for it."""

from dataclasses import Field, field
from typing import Any, TypeAlias

Value: TypeAlias = "float | tuple[float, ...]"


class PolicyError(ValueError):
    """A policy value does not exist or lies outside its range."""


def policy_value(
    default: Value,
    low: float,
    high: float,
    unit: str,
    ja: str,
    en: str,
    source: str = "assumption of this product, to be confirmed by the merchant",
    *,
    by_item: bool = False,
) -> Any:
    """A dataclass field for a policy value.

    Args:
        default: what is assumed until the merchant says otherwise.
        low: the least it may be.
        high: the most it may be.
        unit: what it is counted in.
        ja: what it is, in Japanese.
        en: the same in English.
        source: where the default comes from.
        by_item: whether a category or a season may have a value of its own.
    """
    words = {"low": low, "high": high, "unit": unit, "ja": ja, "en": en, "source": source}
    return field(default=default, metadata={**words, "by_item": by_item})


def checked(of: "Field[Any]", given: Any) -> Value:
    """The value given for a field: a list in order, a whole number as one.

    Raises:
        PolicyError: if it is no number or out of range.
    """
    if not isinstance(of.default, tuple):
        return _number(of, given)
    numbers = given if isinstance(given, list | tuple) else [given]
    if not numbers:
        raise PolicyError(f"{of.name} needs at least one number")
    return tuple(sorted({_number(of, number) for number in numbers}))


def _number(of: "Field[Any]", given: Any) -> float:
    low, high = of.metadata["low"], of.metadata["high"]
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise PolicyError(f"{of.name} must be a number, not {given!r}")
    if not low <= given <= high:
        raise PolicyError(f"{of.name} = {given!r} is outside its range {low:g} to {high:g}")
    if of.type is not int:
        return given
    if given != int(given):
        raise PolicyError(f"{of.name} = {given!r} must be a whole number")
    return int(given)
