"""Demand forecasts (需要予測): every series at once, by several methods, with honest intervals.

Where things are:

* history made fit for it: `true_demand` (stockouts), `outliers` (bulk orders), `promotions`,
  `sound`; in which order is told by `services.forecasting.reading`;
* the whole of it, in two passes: `engine`; what goes in and comes out: `pieces`, `moment`;
* methods: `members`, which calls `batched_prophet`, `top_down`, `flat_rates` (TSB, IMAPA) and
  `boosted`; of new items `launch_curves`;
* Prophet: derivation `prophet_map`, inner loops `prophet_kernel`, seasons and holidays
  `prophet_calendar`, its own intervals `prophet_intervals`, real Prophet `prophet_backend` (with
  our solution, and as its judge) and `single_prophet`;
* which methods a class is forecast by: `ensemble`; which class: `pattern`;
* how unsure: `lead_time` (a series' own errors), `level_spread` (what its class lends), quantiles
  `count_quantiles`, and those of a stored forecast `stored`;
* how good it was: `accuracy` (measures), `held_out` (the last origin);
* every assumed number: `settings`.
"""
