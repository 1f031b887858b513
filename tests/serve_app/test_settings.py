"""The settings: what the environment may say, and that `.env.example` says all of it."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from serve_app.ice_servers import IceServer
from serve_app.settings import Settings

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting comes from whoever runs the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LYCEUM_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def example() -> dict[str, str]:
    lines = [line for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_example_names_every_setting_and_no_other() -> None:
    assert {name.removeprefix("LYCEUM_").lower() for name in example()} == set(Settings.model_fields)


def test_example_says_something_about_each_setting() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for number, line in enumerate(lines):
        if line.startswith("LYCEUM_"):
            assert lines[number - 1].startswith("# "), line
            assert "──" not in lines[number - 1], line


def test_example_is_the_defaults(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(EXAMPLE.read_text())
    from_example = Settings()
    (tmp_path / ".env").unlink()
    assert from_example == Settings()


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("LYCEUM_HTTP_PORT=8100\nLYCEUM_GRAIN_HOSTS=3\n")
    monkeypatch.setenv("LYCEUM_HTTP_PORT", "8200")
    assert (Settings().http_port, Settings().grain_hosts) == (8200, 3)


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LYCEUM_ALLOWED_ORIGINS", "https://a.example/, https://b.example")
    assert Settings().allowed_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PORT", "0"),
        ("REALTIME_PORT", "70000"),
        ("GRAIN_HOSTS", "0"),
        ("RECONNECT_GRACE_SECONDS", "-1"),
        ("SECRET_KEY", "too short"),
        ("DATABASE_URL", "mysql://x"),
        ("REDIS_URL", "localhost:6379"),
        ("PUBLIC_URL", "lyceum.example.org"),
        ("REALTIME_URL", "https://lyceum.example.org/ws"),
        ("OBJECT_STORE_URL", "s3://bucket-without-credentials"),
        ("SMTP_URL", "https://mail.example.org"),
        ("SMTP_URL", "smtp://user:password@"),
        ("SMTP_URL", "smtp://mail.example.org:70000"),
        ("MEDIA", "janus"),
        ("MEDIA_UDP_PORT", "0"),
        ("MEDIA_WORKERS", "0"),
        ("MEDIA_MOST_VIEWERS", "0"),
        ("MEDIA_ADDRESS", "fd00::2"),
        ("MEDIA_ADDRESS", "http://lyceum.example.org"),
        ("ICE_SERVERS", "https://stun.example.org"),
        ("ICE_SERVERS", "turn:turn.example.org"),
        ("ICE_SERVERS", '[{"urls": "turn:turn.example.org", "username": "lyceum"}]'),
        ("ICE_SERVERS", '[{"urls": []}]'),
        ("ICE_SERVERS", '["stun:stun.example.org"]'),
        ("ICE_SERVERS", "[{"),
        ("ICE_SERVERS", ",".join(["stun:stun.example.org"] * 21)),
        ("LIVEKIT_URL", "https://livekit.example.org"),
        ("MAIL_FROM", "Lyceum"),
        ("MAIL_FROM", "Lyceum <no-reply@>"),
        ("MAIL_FROM", "Lyceum <no reply@lyceum.test>"),
        ("MAIL_FROM", "a@b.test\nBcc: all@b.test"),
        ("DEMO", "perhaps"),
    ],
)
def test_what_cannot_be_meant_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"LYCEUM_{name}", value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert refused.value.errors()[0]["loc"] == (name.lower(),)


def test_site_and_gateway_need_ports_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LYCEUM_REALTIME_PORT", "8000")
    with pytest.raises(ValidationError, match="must differ"):
        Settings()


def test_livekit_needs_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LYCEUM_MEDIA", "livekit")
    monkeypatch.setenv("LYCEUM_LIVEKIT_URL", "wss://livekit.example.org/")
    with pytest.raises(ValidationError, match="LYCEUM_LIVEKIT_API_SECRET"):
        Settings()
    monkeypatch.setenv("LYCEUM_LIVEKIT_API_KEY", "key")
    monkeypatch.setenv("LYCEUM_LIVEKIT_API_SECRET", "hidden")
    settings = Settings()
    assert settings.livekit is not None
    assert settings.livekit.url == "wss://livekit.example.org"
    assert settings.actor_config().media.nodes == 0
    assert "hidden" not in repr(settings) + repr(settings.livekit)


@pytest.mark.parametrize(
    ("media", "bind", "address", "nodes", "listens"),
    [
        ("embedded", "127.0.0.1", "", 2, "127.0.0.1"),
        ("embedded", "::1", "", 2, "127.0.0.1"),
        ("embedded", "10.0.0.5", "", 2, "10.0.0.5"),
        ("embedded", "::", "", 2, "0.0.0.0"),
        ("embedded", "127.0.0.1", "198.51.100.7", 2, "0.0.0.0"),
        ("embedded", "127.0.0.1", "127.0.0.9", 2, "127.0.0.1"),
        ("off", "127.0.0.1", "", 0, "127.0.0.1"),
    ],
)
def test_media_nodes_listen_where_the_site_does_unless_it_stands_behind_a_proxy(
    media: str, bind: str, address: str, nodes: int, listens: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("MEDIA", media), ("BIND", bind), ("MEDIA_ADDRESS", address), ("MEDIA_WORKERS", "2")):
        monkeypatch.setenv(f"LYCEUM_{name}", value)
    monkeypatch.setenv("LYCEUM_MEDIA_MOST_VIEWERS", "25")
    settings = Settings()
    values = settings.actor_config().media
    assert (values.nodes, values.address, values.public_address) == (nodes, listens, address)
    assert list(settings.media_ports) == [8002, 8003][:nodes]
    assert values.most_viewers == 25


def test_every_media_node_needs_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LYCEUM_MEDIA_UDP_PORT", "65534")
    assert list(Settings().media_ports) == [65_534, 65_535]
    monkeypatch.setenv("LYCEUM_MEDIA_UDP_PORT", "65535")
    with pytest.raises(ValidationError, match="65535 is the last"):
        Settings()


@pytest.mark.parametrize(
    ("said", "servers"),
    [
        ("", ()),
        ("stun:a.example, stun:b.example:3478", (IceServer(("stun:a.example",)), IceServer(("stun:b.example:3478",)))),
        (
            '[{"urls": ["turn:[fd00::2]:3478?transport=udp", "turns:t.a"], "username": "u", "credential": "c\\"\\\\"}]',
            (IceServer(("turn:[fd00::2]:3478?transport=udp", "turns:t.a"), "u", 'c"\\'),),
        ),
    ],
)
def test_ice_servers_are_addresses_or_json(
    said: str, servers: tuple[IceServer, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LYCEUM_ICE_SERVERS", said)
    assert Settings().ice_servers == servers


def test_ice_servers_go_out_as_links() -> None:
    server = IceServer(("turn:t.example", "turns:t.example"), "u", 'c"\\')
    words = '; rel="ice-server"; username="u"; credential="c\\"\\\\"; credential-type="password"'
    assert server.links() == [f"<turn:t.example>{words}", f"<turns:t.example>{words}"]
    assert IceServer(("stun:s.example",)).links() == ['<stun:s.example>; rel="ice-server"']
    assert "hidden" not in repr(IceServer(("turn:t.example",), "u", "hidden"))


@pytest.mark.parametrize(("bind", "allowed"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("10.0.0.5", False)])
def test_demo_mode_stays_on_this_machine(bind: str, allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LYCEUM_BIND", bind)
    monkeypatch.setenv("LYCEUM_DEMO", "true")
    if allowed:
        assert Settings().demo
    else:
        with pytest.raises(ValidationError, match="demo mode"):
            Settings()


@pytest.mark.parametrize(
    ("bind", "site", "sockets"),
    [
        ("127.0.0.1", "http://localhost:8000", "ws://localhost:8001/ws"),
        ("0.0.0.0", "http://localhost:8000", "ws://localhost:8001/ws"),
        ("10.0.0.5", "http://10.0.0.5:8000", "ws://10.0.0.5:8001/ws"),
        ("fd00::2", "http://[fd00::2]:8000", "ws://[fd00::2]:8001/ws"),
    ],
)
def test_addresses_follow_the_listener(bind: str, site: str, sockets: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LYCEUM_BIND", bind)
    assert (Settings().http_url, Settings().socket_url) == (site, sockets)


def test_public_addresses_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LYCEUM_PUBLIC_URL", "https://lyceum.example.org/")
    monkeypatch.setenv("LYCEUM_REALTIME_URL", "wss://lyceum.example.org/ws")
    assert (Settings().http_url, Settings().socket_url) == ("https://lyceum.example.org", "wss://lyceum.example.org/ws")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("", ""),
        ("file:///srv/objects", ""),
        ("s3://K:S@bucket?region=eu-1", "https://s3.eu-1.amazonaws.com"),
        ("s3://K:S@bucket/deep?endpoint=http://127.0.0.1:9000/x", "http://127.0.0.1:9000"),
        ("az://account:key@box", "https://account.blob.core.windows.net"),
    ],
)
def test_pages_may_reach_the_store_that_files_lie_in(url: str, origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LYCEUM_OBJECT_STORE_URL", url)
    settings = Settings()
    assert settings.object_origin == origin
    assert settings.actor_config().jobs.objects_url == (url or (settings.data_dir / "objects").as_uri())


@pytest.mark.parametrize(
    ("said", "smtp", "verifies"),
    [("", "", False), ("", "smtp://mail.example.org", True), ("false", "smtp://mail.example.org", False), ("1", "", True)],
)
def test_addresses_are_verified_where_mail_can_be_sent(
    said: str, smtp: str, verifies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LYCEUM_EMAIL_VERIFICATION", said)
    monkeypatch.setenv("LYCEUM_SMTP_URL", smtp)
    monkeypatch.setenv("LYCEUM_MAIL_FROM", "School <school@example.org>")
    settings = Settings()
    assert settings.verifies_email is verifies
    jobs = settings.actor_config().jobs
    assert (jobs.smtp_url, jobs.mail_from) == (smtp, "School <school@example.org>")
    assert "mail.example.org" not in repr(settings)


def test_empty_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LYCEUM_HTTP_PORT", "")
    assert Settings().http_port == 8000


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LYCEUM_SECRET_KEY", "k" * 40)
    monkeypatch.setenv("LYCEUM_DATABASE_URL", "postgresql://u:hidden@h/d")
    settings = Settings()
    assert "kkkk" not in repr(settings)
    assert "hidden" not in repr(settings)
    assert settings.actor_config().secret_key == "k" * 40
