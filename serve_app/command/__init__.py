"""What the `lyceum` command does: one module a command, `serve_app/cli.py` only parses words."""
