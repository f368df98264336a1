from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.bg_nbd import BgNbd
from app.domain.gamma_gamma import GammaGamma
from app.domain.ltv import purchase_summary, value_customers
from app.domain.ltv_model import ModelName, ModelRules, ModelWarning
from tests.domain.real_purchases import cdnow_sample, online_retail

TODAY = date(2025, 6, 30)
START = date(2024, 1, 1)


def purchases(*rows):
    """Rows of customer, date, margin."""
    return pd.DataFrame(rows, columns=["customer_id", "sold_on", "margin"])


def simulated(customers, rng, *, one_time=False, spend_grows=False):
    """A shop from START on, 132 weeks long, and what each customer's purchases were worth.

    Rates Gamma(1, 10) a week, leaving Beta(1, 4), spend Gamma(6, Gamma(4, ·)) around 1,000.
    """
    rows = []
    for c in range(customers):
        rate, leave = rng.gamma(1) / 10, rng.beta(1, 4)
        nu = rng.gamma(4) / 500
        now, active = rng.uniform(0, 26), True
        if one_time and rng.random() < 0.7:
            rate = 1e-9
        while active and now < 132:
            spend = rng.gamma(6, 1 / nu) * (1 + 20 * rate if spend_grows else 1)
            rows.append((f"c{c}", START + timedelta(days=int(now * 7)), spend))
            now, active = now + rng.exponential(1 / rate), rng.random() >= leave
    return purchases(*rows)


@pytest.fixture(scope="module")
def shop():
    return simulated(1500, np.random.default_rng(12))


@pytest.fixture(scope="module")
def valued(shop):
    return value_customers(shop, as_of=TODAY)


def test_purchases_are_summed_up_by_distinct_days():
    summary = purchase_summary(
        purchases(
            ("a", date(2025, 6, 2), 30.0),
            ("a", date(2025, 6, 2), 20.0),  # the same day: one purchase
            ("a", date(2025, 6, 16), 60.0),
            ("a", date(2025, 6, 23), -20.0),
            ("a", date(2025, 7, 1), 999.0),  # tomorrow
            ("b", date(2025, 6, 30), 10.0),
        ),
        TODAY,
    )
    assert summary.loc["a"].tolist() == [2, 3, 4, 20]
    assert summary.loc["b"].tolist() == [0, 0, 0, 0]
    assert summary.columns.tolist() == ["frequency", "recency", "T", "monetary_value"]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 40), st.floats(-100, 100)), max_size=40
    )
)
@settings(max_examples=50, deadline=None)
def test_the_summary_is_that_of_each_customer_alone(rows):
    frame = purchases(*[(c, TODAY - timedelta(days=ago), margin) for c, ago, margin in rows])
    summary = purchase_summary(frame, TODAY)
    assert set(summary.index) == {c for c, _, _ in rows}
    for customer, row in summary.iterrows():
        days = {}
        for c, ago, margin in rows:
            if c == customer:
                days[ago] = days.get(ago, 0.0) + margin
        first, last = max(days), min(days)
        repeats = [margin for ago, margin in days.items() if ago != first]
        expected = [len(repeats), (first - last) / 7, first / 7, np.mean(repeats or [0.0])]
        assert row.tolist() == pytest.approx(expected, abs=1e-9)


def test_times_of_day_and_the_order_of_rows_do_not_matter(shop):
    stamped = shop.assign(sold_on=pd.to_datetime(shop["sold_on"]) + pd.Timedelta(hours=13))
    shuffled = stamped.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(purchase_summary(shuffled, TODAY), purchase_summary(shop, TODAY))


@pytest.mark.parametrize("column", ["customer_id", "sold_on", "margin"])
def test_purchases_with_holes_are_refused(column):
    frame = purchases(("a", TODAY, 1.0), ("b", TODAY, 2.0))
    frame.loc[0, column] = None
    with pytest.raises(ValueError, match="every purchase needs"):
        value_customers(frame, as_of=TODAY)


def test_value_is_discounted_week_by_week(valued):
    model, customers = valued.model, valued.customers
    assert model.name is ModelName.BG_NBD
    p = model.params
    base = BgNbd(r=p["r"], alpha=p["alpha"], a=p["a"], b=p["b"])
    spend = GammaGamma(p=p["p"], q=p["q"], v=p["v"])
    one = customers[customers["frequency"] > 0].iloc[[7]]
    history = [one[name].to_numpy() for name in ("frequency", "recency", "T")]
    value, before = 0.0, 0.0
    for week in range(1, 53):
        until = base.expected_purchases(week, *history)[0]
        value += (until - before) * (1 + 0.08 / 52) ** -week
        before = until
    m = one["monetary_value"].to_numpy()
    mean = spend.expected_spend(history[0], m, otherwise=np.nan)[0]
    assert one["ltv"].item() == pytest.approx(value * mean * model.calibration)
    assert one["expected_purchases"].item() == pytest.approx(before)
    assert one["expected_spend"].item() == pytest.approx(mean)
    assert one["p_alive"].item() == pytest.approx(base.p_alive(*history)[0])
    assert customers["p_alive"].isna().equals(customers["frequency"] == 0)


def test_a_simulated_shop_is_valued_at_what_it_then_brings(shop, valued):
    model, customers = valued.model, valued.customers
    sold_on = pd.to_datetime(shop["sold_on"])
    year = (sold_on > pd.Timestamp(TODAY)) & (
        sold_on <= pd.Timestamp(TODAY) + pd.Timedelta(weeks=52)
    )
    brought = shop[year].groupby("customer_id")["margin"].sum()
    brought = brought.reindex(customers.index, fill_value=0.0)
    assert model.total_low < 0.965 * brought.sum() < model.total_high
    assert model.total_ltv == pytest.approx(0.965 * brought.sum(), rel=0.15)
    inside = (brought >= customers["ltv_low"]) & (0.93 * brought <= customers["ltv_high"])
    assert 0.88 < inside.mean() < 0.99
    assert customers["ltv"].corr(brought, method="spearman") > 0.5


def test_the_back_test_hides_the_last_weeks(shop, valued):
    test = valued.model.back_test
    sold_on = pd.to_datetime(shop["sold_on"])
    cut = pd.Timestamp(TODAY) - pd.Timedelta(weeks=26)
    known = shop[sold_on <= cut]
    later = shop[(sold_on > cut) & (sold_on <= pd.Timestamp(TODAY))]
    later = later[later["customer_id"].isin(known["customer_id"])]
    assert test.weeks == 26
    assert test.customers == known["customer_id"].nunique()
    assert test.actual_purchases == len(later.drop_duplicates(["customer_id", "sold_on"]))
    assert test.actual_spend == pytest.approx(later["margin"].sum())
    assert test.predicted_purchases == pytest.approx(test.actual_purchases, rel=0.15)
    assert test.ratio == pytest.approx(test.actual_spend / test.predicted_spend)
    assert valued.model.calibration == pytest.approx(test.ratio**0.5)
    assert test.rank_correlation > 0.4
    assert test.top_decile_share > 0.2


def test_calibration_moves_all_values_alike(shop, valued):
    without = value_customers(shop, as_of=TODAY, draws=10, rules=ModelRules(calibration_power=0))
    assert without.model.calibration == 1
    ratio = valued.customers["ltv"] / without.customers["ltv"]
    assert ratio.to_numpy() == pytest.approx(valued.model.calibration)


def test_the_same_seed_gives_the_same_answer(shop):
    once, again = (value_customers(shop, as_of=TODAY, draws=20).customers for _ in range(2))
    pd.testing.assert_frame_equal(once, again)
    other = value_customers(shop, as_of=TODAY, draws=20, seed=1).customers
    assert other["ltv"].equals(once["ltv"])
    assert not other["ltv_high"].equals(once["ltv_high"])


def test_more_doubt_gives_wider_intervals(shop, valued):
    narrow = value_customers(shop, as_of=TODAY, coverage=0.5)
    assert (narrow.customers["ltv_high"] <= valued.customers["ltv_high"]).all()
    assert narrow.model.total_high < valued.model.total_high
    for customers in (narrow.customers, valued.customers):
        assert (customers["ltv_low"] <= customers["ltv"]).all()
        assert (customers["ltv"] <= customers["ltv_high"]).all()


def test_a_longer_view_and_a_lower_rate_are_worth_more(shop, valued):
    short = value_customers(shop, as_of=TODAY, horizon_weeks=26, draws=10)
    patient = value_customers(shop, as_of=TODAY, annual_discount_rate=0.0, draws=10)
    assert (short.customers["ltv"] < valued.customers["ltv"]).all()
    assert (patient.customers["ltv"] > valued.customers["ltv"]).all()


def test_mostly_one_time_buyers_call_for_the_modified_model():
    shop = simulated(1500, np.random.default_rng(3), one_time=True)
    answer = value_customers(shop, as_of=TODAY, draws=20)
    assert answer.model.name is ModelName.MBG_NBD
    once = answer.customers["frequency"] == 0
    assert (answer.customers.loc[once, "p_alive"] < 1).all()


def test_spend_that_depends_on_frequency_is_told():
    shop = simulated(1000, np.random.default_rng(3), spend_grows=True)
    warnings = value_customers(shop, as_of=TODAY, draws=10).model.warnings
    assert ModelWarning.SPEND_DEPENDS_ON_FREQUENCY in warnings


def test_a_well_behaved_shop_gives_no_warning(valued):
    assert valued.model.warnings == ()


def test_one_absurd_customer_does_not_move_the_others(shop, valued):
    whale = purchases(*[("c3", date(2025, 1, day), 1e7) for day in (5, 15, 25)])
    answer = value_customers(pd.concat([shop, whale], ignore_index=True), as_of=TODAY, draws=10)
    others = answer.customers.index != "c3"
    spend = answer.customers["expected_spend"][others] / valued.customers["expected_spend"][others]
    assert spend.median() == pytest.approx(1, abs=0.02)
    assert spend.to_numpy() == pytest.approx(1, abs=0.15)
    # Their purchases lie in the hold-out, where no model foresees them.
    assert answer.model.back_test.ratio > 10
    assert answer.model.calibration == pytest.approx(2**0.5)


@pytest.mark.parametrize(
    ("rules", "warning"),
    [
        (ModelRules(min_customers=5000), ModelWarning.TOO_FEW_CUSTOMERS),
        (ModelRules(min_repeaters=5000), ModelWarning.TOO_FEW_REPEATERS),
        (ModelRules(min_weeks=500), ModelWarning.HISTORY_TOO_SHORT),
        (ModelRules(plausible=(1.0, 1.001)), ModelWarning.PURCHASES_NOT_FITTED),
    ],
)
def test_the_fallback_is_the_shrunk_run_rate(shop, rules, warning):
    answer = value_customers(shop, as_of=TODAY, draws=20, rules=rules)
    assert answer.model.name is ModelName.FALLBACK
    assert warning in answer.model.warnings
    assert answer.model.log_likelihood is None
    c = answer.customers
    mean_rate = c["frequency"].sum() / c["T"].sum()
    run_rate = (c["frequency"] + 26 * mean_rate) / (c["T"] + 26) * 52
    assert c["expected_purchases"].to_numpy() == pytest.approx(run_rate.to_numpy())
    assert c["p_alive"].isna().all()
    assert (c["ltv_high"] >= c["ltv"]).all()


def test_nobody_is_worth_nothing():
    answer = value_customers(purchases(), as_of=TODAY)
    assert answer.customers.empty
    assert "ltv" in answer.customers
    assert answer.model.total_ltv == 0
    assert ModelWarning.NOT_BACK_TESTED in answer.model.warnings


@pytest.mark.parametrize("margin", [500.0, 0.0, -500.0, 1e12])
def test_one_customer_gets_a_finite_value(margin):
    rows = [("a", TODAY - timedelta(days=ago), margin) for ago in (0, 70, 140)]
    answer = value_customers(purchases(*rows), as_of=TODAY)
    one = answer.customers.loc["a"]
    assert one["frequency"] == 2
    assert one["expected_spend"] == pytest.approx(max(margin, 0))
    assert np.isfinite(one[["ltv", "ltv_low", "ltv_high"]].to_numpy(float)).all()
    assert ModelWarning.SPEND_POOLED in answer.model.warnings


def test_cdnow_is_predicted_as_published():
    answer = value_customers(cdnow_sample(), as_of=date(1998, 6, 30)).model
    assert answer.name is ModelName.BG_NBD
    assert (answer.customers, answer.repeaters) == (2357, 1139)
    assert answer.back_test.predicted_purchases == pytest.approx(1156, rel=0.05)
    assert answer.total_low < answer.total_ltv < answer.total_high


def test_online_retail_is_predicted_as_measured_before():
    lines = online_retail()
    sold = lines[lines["quantity"] > 0]
    frame = pd.DataFrame(
        {
            "customer_id": sold["customer_id"],
            "sold_on": sold["sold_at"],
            "margin": sold["quantity"] * sold["unit_price"],
        }
    )
    answer = value_customers(frame, as_of=date(2011, 12, 9), draws=20).model
    test = answer.back_test
    assert answer.customers == 5878
    assert (test.actual_purchases, round(test.predicted_purchases)) == (7779, 7653)
    assert test.rank_correlation == pytest.approx(0.628, abs=0.002)
    assert test.top_decile_share == pytest.approx(0.611, abs=0.005)
    assert test.ratio > 1.2  # heavy tails: spend is under-predicted, as on every such data set
