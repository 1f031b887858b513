"""The servers of the fan-out comparison as processes: ours and the Python ones, nginx, Node, and daphne with its Redis."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from loadtests.benchmarks.fanout_servers import CHANNELS, NCHAN, NODE
from loadtests.benchmarks.machine import family
from loadtests.benchmarks.servers import REPOSITORY, ServiceFailed, end
from persistence.embedded import redis

_NCHAN_MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
_NODE_FOLDER = Path(__file__).parent / "socketio_node"
_NGINX = """
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 65536;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
load_module {module};
events {{ worker_connections 30000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    nchan_shared_memory_size 256M;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location /ws {{
            nchan_pubsub websocket;
            nchan_channel_id class;
            nchan_subscriber_first_message newest;
            nchan_message_buffer_length 200;
            nchan_websocket_ping_interval 25;
        }}
    }}
}}
"""


def missing(kind: str) -> str | None:
    """What to install before this contender can take part, in a sentence; None when everything is there."""
    if kind == NCHAN and (_nginx() is None or not _NCHAN_MODULE.exists()):
        return "nginx with nchan is not installed: apt-get install nginx libnginx-mod-nchan"
    if kind == NODE and (shutil.which("node") is None or not (_NODE_FOLDER / "node_modules").exists()):
        return "socket.io is not installed: `make bench` does it, with Node 18 or newer and npm"
    if kind == CHANNELS and not all(map(importlib.util.find_spec, ("daphne", "channels", "channels_redis"))):
        return "Django Channels is not installed: `make bench` does it"
    return None


@contextmanager
def serving(kind: str, port: int) -> Iterator[list[int]]:
    """A contender that listens; gives the processes that it consists of, without those below them. Raises
    ServiceFailed."""
    with tempfile.TemporaryDirectory(prefix="bench-fanout-") as name:
        folder = Path(name)
        store = redis.start(folder, folder / "redis.log") if kind == CHANNELS else None
        try:
            more = {"CHANNELS_REDIS_URL": store.url} if store is not None else {}
            server = subprocess.Popen(_command(kind, port, folder), cwd=REPOSITORY, env={**os.environ, **more})
            try:
                _await_port(server, port)
                yield [server.pid, *([store.process.pid] if store is not None else [])]
            finally:
                end(server)
        finally:
            if store is not None:
                store.stop(10)


def _command(kind: str, port: int, folder: Path) -> list[str]:
    if kind == NCHAN:
        user = "user root;" if os.geteuid() == 0 else ""
        settings = folder / "nginx.conf"
        settings.write_text(_NGINX.format(user=user, folder=folder, module=_NCHAN_MODULE, port=port))
        return [_nginx() or "nginx", "-e", str(folder / "start.log"), "-p", str(folder), "-c", str(settings)]
    if kind == NODE:
        return ["node", str(_NODE_FOLDER / "server.js"), str(port)]
    if kind == CHANNELS:
        application = "loadtests.benchmarks.channels_app:application"
        patient = ["--websocket_connect_timeout", "60"]  # a crowd is opening sockets; 5 s is a 403 for who comes late
        return [sys.executable, "-m", "daphne", "-v", "0", *patient, "-b", "127.0.0.1", "-p", str(port), application]
    return [sys.executable, "-m", "loadtests.benchmarks.fanout", "--serve", kind, "--port", str(port)]


def _nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _await_port(server: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        if any(_listens(process, port) for process in family(server.pid)):
            return
        time.sleep(0.05)  # a foreign server says to nobody that it listens; the wait has a deadline
    raise ServiceFailed(f"The server did not listen on {port}.")


def _listens(process: psutil.Process, port: int) -> bool:
    try:
        return any(each.laddr.port == port and each.status == "LISTEN" for each in process.net_connections("tcp"))
    except psutil.NoSuchProcess:
        return False  # a helper that ended meanwhile
