"""Why a series is forecast by its method, as a code; `reason_text` has the sentences."""

from enum import StrEnum


class MethodReason(StrEnum):
    """Why a series is forecast by its method."""

    EQUAL_WEIGHTS = "equal_weights"  # all members: no fewer were better from every origin
    PROVEN = "proven"  # fewer members, which were
    SHORT_BACKTEST = "short_backtest"  # all members: the data are too short to prove anything
    NEW = "new"  # own mean so far, drawn towards the usual
    BORROWED = "borrowed"  # new, and sold like similar items when they were new
    OWN_REGRESSORS = "own_regressors"  # learns the effect of discounts from its own history
    COMEBACK = "comeback"  # inactive: at least what such series sold that came back
    UNUSABLE = "unusable"  # its history holds no numbers: as if it had never sold


# a forecast of an item without a pattern of its own yet: flat, or by how others began
OF_NEW_ITEMS = (MethodReason.NEW, MethodReason.BORROWED)
