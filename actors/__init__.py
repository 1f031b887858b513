"""Thin Ray shells around grains, gateways and their clients. The only `.remote()` calls."""
