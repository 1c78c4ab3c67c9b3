"""Folders that settings name: what students learn from."""

# What the teachers said of the transfer set, or the voices of a later round; a folder of each.
SIGNALS = "signals"
ROUNDS = "rounds"
