"""Built-in mapping profiles: for files whose columns somebody has seen, and nothing else.

Each names its source. A column that no source confirms is not claimed: it is left aside with a
warning, and a profile of the shop's own may map it.
"""

from app.services.imports.profiles import Made, Needed, Profile

NEXT_ENGINE = {
    "syohin_code": "sku_id",
    "daihyo_syohin_code": "style_id",
    "syohin_name": "name",
    "iro": "color",
    "size": "size",
    "jan_code": "jan",
    "baika_tnk": "list_price",
    "genka_tnk": "unit_cost",
    "hatubai_bi": "sales_start_on",
    "sire_code": None,
    "syohin_kbn": None,
    "toriatukai_kbn": None,
    "hyoji_tnk": None,
    "zaiko_teisu": None,
    "hachu_ten": None,
    "lot": None,
    "zaiko_su": None,
}
OF_TODAY = {"location_id": "EC", "counted_on": "today"}
NEXT_ENGINE_MANUAL = (
    "http://manual.next-engine.info/150/150-30 (商品マスタの登録: 項目名とCSV項目名)"
)
MALL_CODES = "https://manual.next-engine.net/main/page/pg_master/23779 (モールごとの商品コード)"

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
        Profile(
            name="next_engine_products",
            kind="products",
            columns=NEXT_ENGINE,
            source=(
                f"{NEXT_ENGINE_MANUAL}. Whether prices hold tax is a setting of Next Engine's; "
                "baika_tnk is taken as it stands. baika_tnk (売価), the regular selling price, "
                "serves as list price: the master always has it."
            ),
        ),
        Profile(
            name="next_engine_stock",
            kind="stock",
            columns={
                **dict.fromkeys(NEXT_ENGINE),
                "syohin_code": "sku_id",
                "zaiko_su": "on_hand",
            },
            defaults=OF_TODAY,
            unsigned_counts=True,
            source=(
                f"{NEXT_ENGINE_MANUAL}; zaiko_su counts in what Next Engine hands out. In its "
                "upload template zaiko_su is added to the stock, not a count "
                "(https://manual.next-engine.net/main/product/prd_zaiko-touroku/12616/): do not "
                "send that file; numbers with a sign are rejected."
            ),
        ),
        Profile(
            name="yahoo_quantity",
            kind="stock",
            columns={"name": None, "allow-overdraft": None, "stock-close": None},
            made={
                "sku_id": Made(columns=("sub-code", "code")),
                "on_hand": Made(columns=("mode", "quantity"), separator="", optional=("mode",)),
            },
            defaults=OF_TODAY,
            unsigned_counts=True,
            source=(
                "https://developer.yahoo.co.jp/webapi/shopping/upload_format.html and "
                "https://research-labo.com/?p=2891: code, sub-code, quantity, mode (+, - or "
                "empty), allow-overdraft, stock-close. The SKU is sub-code, else code: "
                f"{MALL_CODES}"
            ),
        ),
        Profile(
            name="rakuten_normal_item",
            kind="products",
            columns={
                "コントロールカラム": None,
                "商品管理番号(商品URL)": "style_id",
                "商品番号": None,
                "商品名": None,
                "システム連携用SKU番号": None,
            },
            made={"sku_id": Made(columns=("商品管理番号(商品URL)", "SKU管理番号"), separator="-")},
            leave_out={"SKU管理番号": ("",)},
            source=(
                "normal-item.csv since the SKU project: 商品管理番号, 商品番号, SKU管理番号, "
                "コントロールカラム; https://saiyasu.greenwich.co.jp/webmanuals/4015 "
                "(SKU管理番号, システム連携用SKU番号), "
                "https://support.crossmall.jp/hc/ja/articles/360040567853. "
                "SKU管理番号 tells SKUs apart within an item only, so the two make the SKU. 商品名 "
                "stands on the row of the item, which is left out, and is blank on those of its "
                "SKUs: it is not claimed, so that names known from elsewhere stay. The name of the "
                "price column is not confirmed and not claimed."
            ),
        ),
        Profile(
            name="shopify_orders",
            kind="sales",
            columns={
                "Name": "order_id",
                "Email": "customer_id",
                "Created at": "sold_at",
                "Lineitem sku": "sku_id",
                "Lineitem name": "sku_name",
                "Lineitem quantity": "quantity",
                "Lineitem price": "list_price",
                "Lineitem discount": "discount",
                "Cancelled at": None,
            },
            defaults={"location_id": "EC"},
            leave_out={"Cancelled at": ("*",)},
            leave_out_within={"Cancelled at": "Name"},
            source=(
                "https://docs.xbp.app/docs/development/integrations/shopify/order-format: one row "
                "a line item, orders told apart by Name, and what is of the order is told by its "
                "first row alone: so all rows of a cancelled order go with that one. Column names "
                "as in exports that public projects test with. Lineitem price is before Lineitem "
                "discount, which is off the whole line; both are as the shop shows them, with tax "
                "or without. Refunds are not in the lines; the lines of an order that was loaded "
                "before it was cancelled stay."
            ),
        ),
        Profile(
            name="shopify_inventory",
            kind="stock",
            columns={
                "SKU": "sku_id",
                "Location": "location_id",
                "On hand": "on_hand",
                "On hand (current)": "on_hand",
                "Incoming": "on_order",
                "Incoming (not editable)": "on_order",
                "Committed": "allocated",
                "Committed (not editable)": "allocated",
                **dict.fromkeys(
                    (
                        "Available",
                        "Available (not editable)",
                        "Unavailable",
                        "Unavailable (not editable)",
                        "On hand (new)",
                        "Bin name",
                        "Handle",
                        "Title",
                        "Option1 Name",
                        "Option1 Value",
                        "Option2 Name",
                        "Option2 Value",
                        "Option3 Name",
                        "Option3 Value",
                        "HS Code",
                        "COO",
                    )
                ),
            },
            defaults={"counted_on": "today"},
            values={
                "on_hand": {"not stocked": "0", "Not stocked": "0"},
                "on_order": {"not stocked": "0", "Not stocked": "0"},
                "allocated": {"not stocked": "0", "Not stocked": "0"},
            },
            negative_stock="keep",
            source=(
                "https://help.shopify.com/en/manual/products/inventory/getting-started-with-"
                "inventory/inventory-csv: Incoming, Unavailable, Committed, Available, On hand; "
                "on hand may be negative, 0, or 'not stocked'."
            ),
        ),
        Profile(
            name="makeshop_products",
            kind="products",
            columns={
                "独自商品コード": "style_id",
                "商品名": "name",
                "仕入価格": "unit_cost",
                "商品特定コード指定": None,
                "更新時間フラグ": None,
                "システム商品コード": None,
                "数量": None,
            },
            made={
                "sku_id": Made(
                    columns=("バリエーション独自コード", "独自商品コード", "システム商品コード")
                ),
                "list_price": Made(columns=("定価", "販売価格")),
            },
            required_theirs={
                "バリエーション独自コード": Needed(
                    reason_ja=(
                        "バリエーション独自コードがないと、色・サイズの違う商品がすべて一つのSKUに"
                        "なります。MakeShopで登録してから出力してください"
                    ),
                    reason_en=(
                        "without バリエーション独自コード all colours and sizes of a product would "
                        "be one SKU; enter the codes in MakeShop and export again"
                    ),
                    within="独自商品コード",
                )
            },
            source=(
                "https://support.logiless.com/platforms/shopping-cart/makeshop/field-mapping "
                "(which code is the SKU, and that without バリエーション独自コード all become one) "
                "and http://www.makeshop.jp/manual/brand_csv_new.html (column names). Under which "
                "name a product export holds the variation code is confirmed by the former only. "
                "The list price is 定価; where it is empty nothing is off, and 販売価格 is both."
            ),
        ),
    )
}
