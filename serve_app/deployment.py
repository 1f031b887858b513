"""The edge on Ray Serve: replicas that HAProxy sends requests to directly."""

from functools import partial

from ray import serve
from ray.serve.schema import LoggingConfig
from starlette.types import ASGIApp

from actors.config import ActorConfig
from actors.logs import configure_logs
from serve_app.composition import EdgeConfig
from serve_app.settings import Settings

APPLICATION = "lyceum"
_NEVER_REACHED = 20_000


@serve.ingress()
class Api:
    """One replica."""

    def __init__(self, config: EdgeConfig, actors: ActorConfig) -> None:
        self._config = config
        self._actors = actors

    def __serve_build_asgi_app__(self) -> ASGIApp:
        # Here and not above: who deploys needs none of it, and importing it takes as long as starting a replica.
        from serve_app.app import create_edge
        from serve_app.opening import open_parts

        configure_logs()
        return create_edge(self._config, partial(open_parts, self._config, self._actors))


def run(settings: Settings) -> None:
    """Deploy the edge on the Serve instance that runs, and return when every replica is ready.

    `settings` must be complete: `database_url`, `redis_url` and `secret_key` are set. Raises RuntimeError when a
    replica does not start.
    """
    deployment = serve.deployment(
        Api,
        name="Api",
        num_replicas=settings.api_replicas,
        # The edge has a limit of its own, which it answers with a problem document; Serve's stands behind it.
        max_ongoing_requests=_NEVER_REACHED,
        max_queued_requests=_NEVER_REACHED,
        ray_actor_options={"num_cpus": 0},
        graceful_shutdown_wait_loop_s=0.5,
        graceful_shutdown_timeout_s=10,
        health_check_period_s=5,
        health_check_timeout_s=10,
        logging_config=LoggingConfig(enable_access_log=False),  # the edge writes one of its own
    )
    serve.run(deployment.bind(edge_config(settings), settings.actor_config()), name=APPLICATION, route_prefix="/")


def edge_config(settings: Settings) -> EdgeConfig:
    """What the edge is told of the settings."""
    return EdgeConfig(
        http_url=settings.http_url,
        socket_url=settings.socket_url,
        secret_key=settings.secret_key,
        allowed_origins=settings.allowed_origins,
        access_token_seconds=settings.access_token_minutes * 60,
        refresh_token_seconds=settings.refresh_token_days * 86_400,
        email_verification=settings.verifies_email,
        course_review=settings.course_review,
        rate_limit_per_minute=settings.rate_limit_per_minute,
        live_rate_limit_per_minute=settings.live_rate_limit_per_minute,
        sign_in_tries_per_account=settings.sign_in_tries_per_account,
        sign_in_tries_per_address=settings.sign_in_tries_per_address,
        metrics_token=settings.metrics_token,
        object_origin=settings.object_origin,
        media_mode=settings.media,
        ice_servers=settings.ice_servers,
        livekit=settings.livekit,
        server_adds_request_id=True,
    )
