"""Forecast every SKU at every location, and put the forecasts in force all at once.

A run is planned (`planning`) and parted into partitions of series that workers read, forecast and
write by themselves (`partitions`); `running` knows where the workers are: in this process, in
processes of this machine, or on a Dask cluster. `runs` brings it together. The size of the
partitions and the order in which they are added up do not depend on the workers, hence neither do
the numbers.
"""
