"""The HTTP edge on Ray Serve, the settings, the composition and the `lyceum` command."""
