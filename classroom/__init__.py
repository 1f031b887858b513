"""The rules of the live class: pure, synchronous, standard library only."""
