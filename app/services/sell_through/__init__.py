"""消化予測: how the stock of SKUs, styles and locations will sell, and whether in time."""
