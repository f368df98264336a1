"""消化予測: how fast stock sells out, what is left at the end of a season, and is that late."""
