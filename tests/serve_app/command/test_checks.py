"""What is looked at before anything starts. The rest is shown by tests/end_to_end/test_operating.py."""

import socket
from pathlib import Path

import pytest

from serve_app.command import checks
from serve_app.command.refusing import CannotRun


def test_too_little_memory_is_one_sentence() -> None:
    with pytest.raises(CannotRun, match=r"needs about 2000 MB .* has 512 MB"):
        checks.memory_suffices(512 * 2**20)
    checks.memory_suffices(checks.NEEDED_MEMORY)


def test_limit_of_a_container_counts(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{700 * 2**20}\n")
    (tmp_path / "memory.current").write_text(f"{100 * 2**20}\n")
    assert checks.available_memory(tmp_path) == 600 * 2**20
    (tmp_path / "memory.max").write_text("max\n")
    assert checks.available_memory(tmp_path) > 0
    assert checks.available_memory(tmp_path / "none") > 0


def test_port_in_use_is_named_with_its_setting() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CannotRun, match=f"Port {port} .* choose another LYCEUM_HTTP_PORT"):
            checks.port_is_free("127.0.0.1", port, "LYCEUM_HTTP_PORT")
    checks.port_is_free("127.0.0.1", port, "LYCEUM_HTTP_PORT")


def test_udp_port_in_use_is_named_with_its_setting() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(CannotRun, match=f"UDP port {port} .* choose another LYCEUM_MEDIA_UDP_PORT"):
            checks.udp_port_is_free("127.0.0.1", port, "LYCEUM_MEDIA_UDP_PORT")
    checks.udp_port_is_free("127.0.0.1", port, "LYCEUM_MEDIA_UDP_PORT")
    with pytest.raises(CannotRun, match="LYCEUM_BIND"):
        checks.udp_port_is_free("192.0.2.250", port, "LYCEUM_MEDIA_UDP_PORT")


def test_address_of_another_machine_is_refused() -> None:
    with pytest.raises(CannotRun, match="LYCEUM_BIND"):
        checks.port_is_free("192.0.2.250", 9150, "LYCEUM_HTTP_PORT")
