"""`lyceum up --address`: put Lyceum on a Ray cluster that runs already, with Postgres and Redis from elsewhere."""

from rich.console import Console

from serve_app.command import ray_head, storage
from serve_app.command.progress import Progress
from serve_app.command.refusing import CannotRun
from serve_app.settings import Settings


def join(settings: Settings, address: str, console: Console) -> None:
    """Make the actors and deploy the site, then return: everything stays on the cluster. Doing it again brings a new
    release or new settings. Raises `CannotRun`."""
    missing = [
        name
        for name, value in (
            ("LYCEUM_DATABASE_URL", settings.database_url),
            ("LYCEUM_REDIS_URL", settings.redis_url),
            ("LYCEUM_SECRET_KEY", settings.secret_key),
        )
        if not value
    ]
    if missing:
        raise CannotRun(f"On a cluster every machine needs the same {' and '.join(missing)}; set it in the environment.")
    if settings.demo:
        raise CannotRun("Demo mode has sign-ins that everybody knows; it is not for a cluster.")
    progress = Progress(console)
    try:
        with progress.phase("Tables"):
            storage.migrate(settings.database_url)
        with progress.phase("Ray"):
            ray_head.join_ray(address)
        from actors import cluster  # imports Ray
        from serve_app import deployment

        with progress.phase("Classes and gateways"):
            cluster.start(settings.actor_config())
        with progress.phase("Serve"):
            ray_head.start_serve("0.0.0.0", settings.http_port, every_node=True)  # noqa: S104 - nodes reach each other
        with progress.phase("API"):
            deployment.run(settings)
    finally:
        progress.close()
    console.print(f"Lyceum runs on the cluster: {settings.http_url}", highlight=False)
