"""Mapping profiles: how the files of others are read.

A profile maps somebody's own columns to ours and states, as data, the cleaning that file needs;
every row it turns away is reported with its reason.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a foreign file is read.

    Attributes:
        columns: their column name to ours; columns mapped to None are known and left out.
        defaults: values for columns of ours that the file does not have.
        cancellation_prefix: order ids that start so are returns; a line with a quantity of
            the wrong sign for its order is not a sale.
        price_above_zero: lines without a positive price are write-offs, not sales.
        drop_exact_repeats: the file repeats whole lines by mistake, not by purchase.
        daily_totals: a row is what one place sold of a SKU on a day, not a line of an order.
        source: where the file and the need for these rules come from.
    """

    name: str
    kind: str
    columns: dict[str, str | None]
    defaults: dict[str, str] = field(default_factory=dict)
    cancellation_prefix: str | None = None
    price_above_zero: bool = False
    drop_exact_repeats: bool = False
    daily_totals: bool = False
    source: str = ""


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="online_retail_ii",
            kind="sales",
            columns={
                "Invoice": "order_id",
                "StockCode": "sku_id",
                "Description": "sku_name",
                "Quantity": "quantity",
                "InvoiceDate": "sold_at",
                "Price": "unit_price",
                "CustomerID": "customer_id",
                "Country": None,
            },
            defaults={"location_id": "EC"},
            cancellation_prefix="C",
            price_above_zero=True,
            drop_exact_repeats=True,
            source=(
                "Chen, D., Online Retail II, UCI Machine Learning Repository, CC BY 4.0: "
                "1-9 December 2010 stands in both of its sheets; stock corrections and bad debts "
                "stand among the sales with quantity or price not above zero."
            ),
        ),
    )
}
