"""What an operator meets: start, stop, kill, and every reason why it cannot run."""

import ipaddress
import json
import shutil
import signal
import socket
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from serve_app.command.processes import memory_bytes
from tests.end_to_end.operating import (
    STOP_SECONDS,
    RunningLyceum,
    assert_nothing_left,
    command_line,
    processes_of,
    read_run,
    run_lyceum,
    settings_for,
    spawn_up,
    wait_ready,
)

MOST_MEMORY = 2_500 * 10**6

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL may pass through when the tests run as root (pytest's own folders are closed)."""
    path = Path(tempfile.mkdtemp(prefix="lyceum-e2e-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def whole_run(lyceum: RunningLyceum) -> list[psutil.Process]:
    """Every process of the running system."""
    run = read_run(lyceum.data_dir)
    assert run is not None
    main = psutil.Process(lyceum.pid)
    found = {process.pid: process for process in (main, *main.children(recursive=True), *processes_of(run))}
    return list(found.values())


def answers(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/api/health", timeout=10) as response:
        body: dict[str, Any] = json.load(response)
    return body


def sign_in(env: dict[str, str], email: str, password: str) -> int:
    """The status code with which the site answers a sign-in."""
    url = f"http://127.0.0.1:{env['LYCEUM_HTTP_PORT']}/api/auth/login"
    body = json.dumps({"email": email, "password": password}).encode()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, body, {"Content-Type": "application/json"}), timeout=10
        ) as done:
            return int(done.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def refusal(env: dict[str, str], *words: str) -> str:
    """The one sentence with which a command refuses to run."""
    done = run_lyceum(env, *words)
    assert done.returncode == 1, (done.stdout, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("lyceum: ")
    return lines[0]


def test_everything_answers(lyceum: RunningLyceum) -> None:
    deadline = time.monotonic() + 60
    while (said := answers(lyceum.http_url))["checks"]["media"] != "ok":  # made a few seconds after everything else
        assert time.monotonic() < deadline
        time.sleep(0.2)  # another process starts it
    checks = {"postgres": "ok", "redis": "ok", "actors": "ok", "gateway": "ok", "media": "ok"}
    assert said == {"status": "ok", "checks": checks}


def test_listens_on_loopback_but_for_what_the_security_page_lists(lyceum: RunningLyceum) -> None:
    beyond = set()
    for process in whole_run(lyceum):
        for connection in process.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN:
                address = ipaddress.ip_address(connection.laddr.ip)
                mapped = getattr(address, "ipv4_mapped", None) or address
                if not mapped.is_loopback:
                    beyond.add(command_line(process).split(":lyceum")[0])
    assert beyond == {"ray::ServeReplica"}, "docs/security.md lists one listener beyond loopback: Serve's replicas"


def test_uses_less_than_two_and_a_half_gigabytes(lyceum: RunningLyceum, record_property: Any) -> None:
    used = memory_bytes(whole_run(lyceum))
    record_property("memory_megabytes", used // 10**6)
    assert 200 * 10**6 < used < MOST_MEMORY


def test_names_of_actors_stand_in_the_process_list(lyceum: RunningLyceum) -> None:
    titles = " ".join(command_line(process) for process in whole_run(lyceum))
    assert "ray::GrainHost" in titles
    assert "ray::Gateway" in titles


def test_status_says_what_runs(lyceum: RunningLyceum) -> None:
    done = lyceum.command("status")
    assert done.returncode == 0, done.stderr
    assert f"process {lyceum.pid}" in done.stdout
    assert "gateway" in done.stdout


def test_account_and_token_open_the_api(lyceum: RunningLyceum) -> None:
    email = "operator-made@example.org"
    made = lyceum.command("user", "create", "--email", email, "--password", "long enough", "--role", "admin", "--verified")
    assert made.returncode == 0, made.stderr
    token = lyceum.command("token", email).stdout.strip()
    request = urllib.request.Request(f"{lyceum.http_url}/api/auth/me", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as response:
        assert json.load(response)["id"] == made.stdout.strip()
    again = refusal(lyceum.env, "user", "create", "--email", email, "--password", "long enough", "--role", "student")
    assert "exists already" in again
    assert "no account" in refusal(lyceum.env, "token", "nobody@example.org")


def test_load_test_is_prepared_fast_and_prints_json_alone(lyceum: RunningLyceum) -> None:
    began = time.monotonic()
    done = lyceum.command("loadtest", "prepare", "--students", "5000", "--capacity", "7", timeout=120)
    assert time.monotonic() - began < 60
    assert done.returncode == 0, done.stderr
    prepared = json.loads(done.stdout)
    assert set(prepared) == {"sessionId", "courseId", "instructorToken", "students"}
    assert len({student["id"] for student in prepared["students"]}) == 5000
    headers = {"Authorization": f"Bearer {prepared['students'][-1]['token']}", "Content-Type": "application/json"}
    url = f"{lyceum.http_url}/api/live-sessions/{prepared['sessionId']}/join"
    with urllib.request.urlopen(urllib.request.Request(url, b"{}", headers), timeout=10) as response:
        assert json.load(response)["outcome"] == "seated"


def test_killed_postgres_and_redis_come_back_by_themselves(lyceum: RunningLyceum) -> None:
    for name in ("postgres", "redis-server"):
        [server] = [process for process in psutil.Process(lyceum.pid).children() if process.name() == name]
        server.kill()
        deadline = time.monotonic() + 60
        while server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
        while True:
            assert time.monotonic() < deadline, f"{name} did not come back"
            done = lyceum.command("status")
            if done.returncode == 0 and "down" not in done.stdout:
                break


def test_second_start_on_the_same_data_is_refused(lyceum: RunningLyceum) -> None:
    ports = {key: value for key, value in settings_for(lyceum.data_dir).items() if key.endswith("_PORT")}
    assert f"process {lyceum.pid}" in refusal({**lyceum.env, **ports}, "up")
    assert answers(lyceum.http_url)["status"] == "ok"


@pytest.mark.timeout(420)  # starts the system twice, beside the one of the session: minutes on a slow machine
def test_killed_run_is_cleaned_up_and_its_data_goes_on(folder: Path) -> None:
    env, log = settings_for(folder / "data"), folder / "up.log"
    killed = spawn_up(env, log)
    first = wait_ready(killed, folder / "data", log)
    made = run_lyceum(env, "user", "create", "--email", "kept@example.org", "--password", "long enough", "--role", "student")
    assert made.returncode == 0, made.stderr
    assert run_lyceum(env, "demo").returncode == 0
    assert sign_in(env, "amara@demo.example", "lyceum-demo") == 200
    left_behind = processes_of(first)
    killed.send_signal(signal.SIGKILL)
    killed.wait(STOP_SECONDS)
    assert any(process.is_running() for process in left_behind)

    process = spawn_up(env, log)
    second = wait_ready(process, folder / "data", log)
    assert "did not end in order" in log.read_text()
    assert processes_of(first) == []
    assert not Path(first["temporary"]).exists()
    assert run_lyceum(env, "token", "kept@example.org").returncode == 0
    assert sign_in(env, "amara@demo.example", "lyceum-demo") == 403, "demo people are shut out without demo mode"
    done = run_lyceum(env, "down", timeout=STOP_SECONDS)
    assert (done.returncode, process.wait(STOP_SECONDS)) == (0, 0), done.stderr
    assert_nothing_left(second, folder / "data")
    assert "Nothing runs" in run_lyceum(env, "down").stdout


@pytest.mark.parametrize("after", ["note", "ray", "actors"])
def test_interrupt_while_starting_leaves_nothing(after: str, folder: Path) -> None:
    env, log = settings_for(folder / "data"), folder / "up.log"
    process = spawn_up(env, log)
    sign = {"note": "raylet_socket_name", "ray": "ray::ServeController", "actors": "ray::ServeReplica"}[after]
    deadline = time.monotonic() + 120
    while True:
        run = read_run(folder / "data")
        if run is not None and any(sign in command_line(each) for each in processes_of(run)):
            break
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
    process.send_signal(signal.SIGINT)
    assert process.wait(STOP_SECONDS) == 0, log.read_text()
    assert_nothing_left(run, folder / "data")


@pytest.mark.parametrize("setting", ["LYCEUM_HTTP_PORT", "LYCEUM_REALTIME_PORT"])
def test_port_in_use_is_one_sentence(setting: str, folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        said = refusal(settings_for(folder / "data", **{setting: port}), "up")
    assert port in said
    assert setting in said
    assert "in use" in said
    assert read_run(folder / "data") is None


def test_udp_port_in_use_is_one_sentence(folder: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = str(other.getsockname()[1])
        said = refusal(settings_for(folder / "data", LYCEUM_MEDIA_UDP_PORT=port), "up")
    assert f"UDP port {port}" in said
    assert "LYCEUM_MEDIA_UDP_PORT" in said
    assert "in use" in said


def test_data_of_another_postgres_is_one_sentence(folder: Path) -> None:
    (folder / "data/postgres").mkdir(parents=True)
    (folder / "data/postgres/PG_VERSION").write_text("16\n")
    assert "written by PostgreSQL 16" in refusal(settings_for(folder / "data"), "up")


def test_data_of_another_lyceum_is_one_sentence(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data/layout").write_text("99\n")
    assert "another version of Lyceum" in refusal(settings_for(folder / "data"), "up")


def test_data_folder_that_cannot_be_made_is_one_sentence() -> None:
    assert "cannot be used" in refusal(settings_for(Path("/sys/lyceum-data")), "up")


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("LYCEUM_HTTP_PORT", "eighty", "LYCEUM_HTTP_PORT"),
        ("LYCEUM_GRAIN_HOSTS", "0", "LYCEUM_GRAIN_HOSTS"),
        ("LYCEUM_SECRET_KEY", "short", "at least 32 characters"),
        ("LYCEUM_DATABASE_URL", "mysql://x/y", "postgresql://"),
        ("LYCEUM_BIND", "192.0.2.250", "LYCEUM_BIND"),
    ],
)
def test_bad_setting_is_one_sentence(setting: str, value: str, said: str, folder: Path) -> None:
    sentence = refusal(settings_for(folder / "data", **{setting: value}), "up")
    assert said in sentence
    assert setting != "LYCEUM_SECRET_KEY" or value not in sentence


def test_database_out_of_reach_is_one_sentence(folder: Path) -> None:
    env = settings_for(folder / "data", LYCEUM_DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert "cannot be reached" in refusal(env, "migrate")


def test_demo_mode_refuses_to_listen_beyond_this_machine(folder: Path) -> None:
    assert "demo mode" in refusal(settings_for(folder / "data", LYCEUM_BIND="0.0.0.0"), "up", "--demo")


def test_cluster_needs_external_servers(folder: Path) -> None:
    assert "LYCEUM_DATABASE_URL" in refusal(settings_for(folder / "data"), "up", "--address", "auto")


def test_wrong_usage_has_exit_code_2(folder: Path) -> None:
    env = settings_for(folder / "data")
    for words in (["fly"], ["up", "--fast"], ["loadtest", "prepare"], ["user", "create", "--email", "a@b.c"]):
        assert run_lyceum(env, *words).returncode == 2, words


def test_commands_that_need_a_running_system_say_so(folder: Path) -> None:
    env = settings_for(folder / "data")
    assert "not running" in refusal(env, "loadtest", "prepare", "--students", "1", "--capacity", "1")
    assert "not running" in refusal(env, "demo")
    assert run_lyceum(env, "status").returncode == 1
