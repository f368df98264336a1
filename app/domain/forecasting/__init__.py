"""Demand forecasts (需要予測): every series at once, by several methods, with honest intervals."""
