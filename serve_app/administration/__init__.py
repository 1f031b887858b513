"""Routes of admins, a module an area."""
