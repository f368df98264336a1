"""Why a series is forecast by its method, in a sentence for the console and the API."""

from app.domain.forecasting.method_reason import MethodReason

# reason → (ja, en)
REASON_TEXT = {
    MethodReason.EQUAL_WEIGHTS: (
        "過去の検証で、一部の手法だけの方が一貫して優れるとは言えないため、全手法の平均で予測しています。",
        "The mean of all methods: on the past, no fewer of them were better throughout.",
    ),
    MethodReason.PROVEN: (
        "過去の検証のすべての時点で優れていた手法の平均で予測しています。",
        "The mean of the methods that were better from every origin of the past.",
    ),
    MethodReason.SHORT_BACKTEST: (
        "検証できるほど長い履歴がないため、使える手法すべての平均で予測しています。",
        "The mean of all usable methods: the history is too short to compare them.",
    ),
    MethodReason.NEW: (
        "新規商品のため、これまでの平均を標準的な売れ行きに近づけて予測しています。",
        "It is new: its own mean so far, drawn towards what is usual.",
    ),
    MethodReason.BORROWED: (
        "新規商品のため、似た商品の発売後の売れ行きを参考に予測しています。",
        "It is new: forecast as similar items sold when they were new.",
    ),
    MethodReason.OWN_REGRESSORS: (
        "販促の多い主力商品のため、値引きの効果を自身の履歴から学ぶ専用のProphetも平均に加えています。",
        "It sells much, often at a discount: a Prophet that learns from that makes half of it.",
    ),
    MethodReason.COMEBACK: (
        "長く売れていませんが、同様の商品には再び売れ始めたものがあるため、その平均を下回らない予測にしています。",
        "Unsold for long; some such items came back, so no less than their average is forecast.",
    ),
    MethodReason.UNUSABLE: (
        "履歴に計算できない値があるため、販売実績がないものとして予測しています。",
        "Its history cannot be calculated with; it is forecast as if it had never sold.",
    ),
}
