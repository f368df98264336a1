"""Why a series is forecast by its method, in words for the console and the API."""

from enum import StrEnum


class MethodReason(StrEnum):
    """Why a series is forecast by its method."""

    EQUAL_WEIGHTS = "equal_weights"  # all members: no fewer were better from every origin
    PROVEN = "proven"  # fewer members, which were
    SHORT_BACKTEST = "short_backtest"  # all members: the data are too short to prove anything
    NEW = "new"  # own mean so far, drawn towards the usual
    BORROWED = "borrowed"  # new, and sold like similar items when they were new
    UNUSABLE = "unusable"  # its history holds no numbers: as if it had never sold


# reason → (ja, en), one sentence for the console and the API
REASON_TEXT = {
    MethodReason.EQUAL_WEIGHTS: (
        "過去の検証で優劣が確かでないため、すべての手法の平均で予測しています。",
        "No fewer methods were surely better on the past: the mean of all of them.",
    ),
    MethodReason.PROVEN: (
        "過去のどの時点からの検証でも誤差が小さかった手法の平均で予測しています。",
        "The mean of the methods that were better from every origin of the past.",
    ),
    MethodReason.SHORT_BACKTEST: (
        "検証に足りる履歴がないため、すべての手法の平均で予測しています。",
        "Too little history to compare methods on: the mean of all of them.",
    ),
    MethodReason.NEW: (
        "新規商品のため、これまでの平均を全体の標準的な売れ行きに近づけて予測しています。",
        "It is new: its own mean so far, drawn towards what is usual for all items.",
    ),
    MethodReason.BORROWED: (
        "新規商品のため、類似商品の発売直後の売れ行きを借りて予測しています。",
        "It is new: it borrows from how similar items sold when they were new.",
    ),
    MethodReason.UNUSABLE: (
        "履歴に数値でない値があるため、販売実績のない商品として予測しています。",
        "Its history holds what is no number: forecast as if it had never sold.",
    ),
}
