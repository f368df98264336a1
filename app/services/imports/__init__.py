"""Files in: opened (``opening``), checked row by row (``checking``), loaded (``loading``)."""
