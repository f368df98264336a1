"""Exposure off the stock ledger, case by case."""

from dataclasses import replace

import numpy as np
import pytest

from app.queries.exposure import counted_shares, exposures
from tests.services import planned

FIRST = 40  # days ago, on which every series first sold
CASES = {
    # name: counts {days ago: on hand}, sales {days ago: units}, receipts {days ago: units},
    #       exposure {days ago: share}
    "always": ({5: 3, 4: 2, 3: 2}, {4: 1}, {}, {}),
    "gone": ({5: 3, 4: 0, 3: 0, 2: 0}, {4: 3}, {}, {4: 0.5, 3: 0, 2: 0}),
    "came by slip": ({5: 0, 4: 0, 3: 9}, {}, {3: 9}, {4: 0}),
    "came unseen": ({5: 0, 4: 0, 3: 9}, {}, {}, {4: 0, 3: 0}),
    "came and sold": ({5: 0, 4: 9}, {4: 1}, {}, {}),
    "came and all sold": ({5: 0, 4: 0}, {4: 2}, {4: 2}, {4: 0.5}),
    "negative": ({5: -1, 4: -1}, {}, {}, {4: 0}),
    "gone in a week": ({9: 5, 2: 0}, {6: 5}, {}, {6: 0.5, 5: 0, 4: 0, 3: 0, 2: 0}),
    "lost": ({5: 3, 4: 0}, {}, {}, {4: 0.5}),
    "too seldom": ({20: 0, 10: 0, 1: 0}, {}, {}, {}),
    "before it first sold": ({60: 0, 59: 0, 58: 0}, {}, {}, {}),
    "uncounted": ({}, {}, {}, {}),
}


@pytest.fixture
def connection(database):
    with planned.connect(database) as connection:
        yield connection


def fill(connection, step_days=1):
    lines, stock, moves = [], [], []
    for name, (counts, sales, receipts, _) in CASES.items():
        lines += [(name, "EC", ago, n, None) for ago, n in {FIRST: 1, **sales}.items()]
        key = {"sku_id": name, "location_id": "EC", "import_id": 1}
        stock += [planned.count(name, "EC", ago, units) for ago, units in counts.items()]
        moves += [
            {**key, "receipt_id": name, "line_key": str(d), "moved_on": planned.day(d)}
            | {"quantity": n, "movement_type": "receipt"}
            for d, n in receipts.items()
        ]
    stock += [planned.count("uncounted", "EC", d, 0) | {"is_derived": True} for d in (3, 2, 1)]
    planned.sell(connection, lines)
    planned.insert(connection, "stock_level", stock)
    planned.insert(connection, "stock_movement", moves)
    return planned.plan(connection, [(name, "EC") for name in CASES], step_days=step_days)


def test_days_without_goods_are_read_off_counts_slips_and_sales(connection):
    found = {name: {} for name in CASES}
    for number, offsets, shares in exposures(connection, fill(connection)):
        found[list(CASES)[number]] = dict(zip((-offsets).tolist(), shares.tolist(), strict=True))
    assert found == {name: case[3] for name, case in CASES.items()}


def test_of_a_week_the_share_of_its_days(connection):
    of = fill(connection, step_days=7)
    number = list(CASES).index("gone in a week")
    [row] = exposures(connection, replace(of, first=number, last=number))
    assert (row[0], row[1].tolist(), row[2].tolist()) == (number, [0], [pytest.approx(2.5 / 7)])


def test_how_many_days_the_counts_tell_of(connection):
    rows = counted_shares(connection, fill(connection))
    found = dict(zip(np.array(list(CASES))[rows["number"]], rows["share"], strict=True))
    assert found["always"] == pytest.approx(2 / 41)
    assert found["gone in a week"] == pytest.approx(7 / 41)
    assert found.keys().isdisjoint({"too seldom", "uncounted", "before it first sold"})
