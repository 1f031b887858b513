"""Twins of the stores in memory: same promises, gone with the process."""
