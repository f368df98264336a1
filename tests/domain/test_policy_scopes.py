"""Which of several policies holds for an item."""

import pytest

from app.domain.policy import DEFAULT, with_overrides
from app.domain.policy_scopes import ScopedPolicies, chain, check_scoped, within
from app.domain.policy_value import PolicyError


def test_the_season_comes_first_then_the_deepest_category():
    assert chain("A/B/C", "26SS") == ["season:26SS", "category:A/B/C", "category:A/B", "category:A"]
    assert chain(None, None) == []
    assert within("tenant") == []
    assert within("category:A/B") == ["category:A/B", "category:A"]


def test_the_first_scope_that_has_the_value_counts():
    policies = ScopedPolicies(
        tenant=with_overrides({"sell_out_tolerance_weeks": 3}),
        scoped={"season:26SS": {"clearance_weeks": 1}, "category:A": {"clearance_weeks": 2}},
    )
    assert policies.value("clearance_weeks", "A/B", "26SS") == 1
    assert policies.value("clearance_weeks", "A/B", "25AW") == 2
    assert policies.value("clearance_weeks", "AB", None) == DEFAULT.clearance_weeks
    assert policies.value("sell_out_tolerance_weeks", "A", "26SS") == 3


def test_only_some_values_may_differ_by_item():
    check_scoped({"clearance_weeks": 3})
    with pytest.raises(PolicyError, match="holds for all"):
        check_scoped({"elasticity": 2})
