"""What a caller may ask for and we do not have."""


class UnknownSku(Exception):
    """No SKU has this id."""


class UnknownStyle(Exception):
    """No SKU is of this style."""


class NotEvaluated(Exception):
    """The SKU is known, but no evaluation has judged it."""


class NotForecast(Exception):
    """The SKU is known, but no forecast has been made for it."""


class UnknownLocations(Exception):
    """Some of these locations are not known."""


class UnknownForecastRun(Exception):
    """No forecast run has this number."""


class NoBuyerLtv(Exception):
    """No identified customer has bought this SKU, so nothing is known of its buyers' LTV."""


class UnknownCustomer(Exception):
    """No customer with purchases has this id."""


class NoLtvModel(Exception):
    """No LTV model has been fitted yet."""


class UnknownImport(Exception):
    """No import has this number."""


class RowsNotKept(Exception):
    """The import's rejected rows are not kept as they stood in the file."""


class UnknownJob(Exception):
    """No job has this number."""
