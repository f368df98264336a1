"""Questions asked of the database, in SQL."""
