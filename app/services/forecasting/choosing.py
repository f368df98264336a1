"""What each class of demand is forecast by: found by a first pass over all series, then kept.

A few series prove nothing of their class, so a run for some of them takes what the last run of all
has found; where there was none, it finds what it can.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from operator import add

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.forecasting import engine
from app.domain.forecasting.kept_choice import choice_of
from app.domain.forecasting.pieces import Choice
from app.queries import forecast_plans
from app.services.forecasting import partitions
from app.services.forecasting.partitions import Workplace
from app.services.forecasting.planning import Order
from app.services.forecasting.running import Crew


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownChoice:
    """What an earlier run of all series has found."""

    choice: Choice
    forecast_run_id: int


async def known_choice(session: AsyncSession, order: Order) -> KnownChoice | None:
    """What a run for some series is to take over; None for a run of all, or if there is none."""
    if not order.is_for_some:
        return None
    run = await forecast_plans.last_choice(session, step_days=order.step_days)
    if run is None or run.choice is None:
        return None
    return KnownChoice(choice=choice_of(run.choice), forecast_run_id=run.forecast_run_id)


def choose(crew: Crew, place: Workplace, report: Callable[[int], object]) -> Choice:
    """Score every method on the past of all series of the run, and choose."""
    score = partial(partitions.score, place)
    found = crew.run(score, place.plan.partitions, progress=report)
    scored = sorted(found, key=lambda one: one.number)  # sums of floats depend on their order
    scores = reduce(add, (one.scores for one in scored))
    return engine.choose(scores, place.plan.settings)
