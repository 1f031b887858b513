"""PostgreSQL and Redis as processes of our own, for a machine where nobody runs them already."""
