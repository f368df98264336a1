"""The small shop end to end: what goes in as CSV comes out as verdicts, forecasts and orders."""

import pytest
from httpx import AsyncClient

from app.schemas.sku import DispositionBody


async def test_a_steady_seller_is_held_and_explained(shop: AsyncClient):
    answer = (await shop.get("/sku/STEADY/disposition")).json()
    DispositionBody.model_validate(answer)
    assert answer["decision"] == "hold"
    assert 50 + sum(r["points"] for r in answer["reasons"]) == pytest.approx(
        answer["sell_score"], abs=0.01
    )
    assert sum(r["amount"] for r in answer["reasons"]) == pytest.approx(
        answer["advantage"], abs=0.05
    )


async def test_forecasts_recover_the_rate_at_which_the_shop_sells(shop: AsyncClient):
    answer = (await shop.get("/sku/STEADY/forecast")).json()
    assert answer["weeks"][0]["mean"] == pytest.approx(20, rel=0.25)
    assert answer["weeks"][0]["week_start"] == "2026-07-01"
