"""Comparisons with peers: both contenders in one run, on one machine, on the same Postgres."""
