"""消化予測: how fast stock sells out, what is left when the season ends, and whether that is late."""
