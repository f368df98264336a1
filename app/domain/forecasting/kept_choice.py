"""The choice of a whole run as plain values, kept for runs of some series.

A few series prove nothing of their class: a run for them takes what the last run of all has found,
and so forecasts each as that would.
"""

from typing import Any

import numpy as np

from app.domain.forecasting.comeback import Comeback
from app.domain.forecasting.ensemble import ChoiceReason, MemberChoice
from app.domain.forecasting.pieces import Choice


def kept(choice: Choice) -> dict[str, Any]:
    """A choice as numbers, texts and lists; `choice_of` brings it back to the last digit."""
    members, comeback = choice.members, choice.comeback
    return {
        "masks": list(members.masks),
        "reasons": [str(reason) for reason in members.reasons],
        "top_down_bias": members.top_down_bias,
        "top_down_dropped": members.top_down_dropped,
        "cv2": choice.cv2.tolist(),
        "usual_then": choice.usual_then,
        "usual_now": choice.usual_now,
        "comeback": {
            "rate": comeback.rate,
            "lengths": comeback.lengths.tolist(),
            "cv2": comeback.cv2.tolist(),
        },
    }


def choice_of(values: dict[str, Any]) -> Choice:
    """The choice that was `kept`."""
    comeback = values["comeback"]
    return Choice(
        MemberChoice(
            tuple(values["masks"]),
            tuple(map(ChoiceReason, values["reasons"])),
            values["top_down_bias"],
            values["top_down_dropped"],
        ),
        np.array(values["cv2"], np.float64),
        values["usual_then"],
        values["usual_now"],
        Comeback(
            comeback["rate"],
            np.array(comeback["lengths"], np.float64),
            np.array(comeback["cv2"], np.float64),
        ),
    )
