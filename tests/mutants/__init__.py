"""Each defence removed once: its tests must fall then."""
