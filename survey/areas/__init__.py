"""Counties, townships, villages and groups: codes, register, import."""
