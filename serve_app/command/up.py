"""`lyceum up`: start everything on this machine, stay, and on a signal stop everything again."""

import asyncio
import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import psutil
from rich.console import Console

from persistence.durability import find_risks
from persistence.embedded import postgres
from persistence.embedded.server import ServerFailed
from persistence.errors import StoreAway
from serve_app.command import checks, health, ray_head, tables
from serve_app.command.data_folder import DataFolder, Run, make_temporary
from serve_app.command.processes import adopt_orphans, reap_orphans
from serve_app.command.progress import Progress
from serve_app.command.refusing import CannotRun
from serve_app.command.servers import Servers
from serve_app.command.standin import Bystander
from serve_app.settings import Settings

_READY_SECONDS = 90
_DRAIN_SECONDS = 10
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def up(settings: Settings, console: Console) -> None:
    """Run Lyceum until a signal comes. Raises `CannotRun`; either way nothing is left running."""
    began = time.monotonic()
    progress = Progress(console)
    folder = DataFolder(settings.data_dir)
    with ExitStack() as stack:
        stack.callback(progress.close)
        stack.enter_context(folder.locked())
        _interrupt_on_signals()
        adopt_orphans()
        try:
            if folder.clean_up():
                progress.say("  The last run did not end in order: what it left behind is gone, its data is kept.")
            _check(settings, folder)
            servers, bystander = _start(settings, folder, progress, stack)
            progress.say(f"\n[bold]Lyceum is ready[/] after {time.monotonic() - began:.1f} s.")
            _greet(settings, console)
            _stay(servers, bystander, progress)
        except (KeyboardInterrupt, SystemExit):
            progress.say("\nStopping …")
        except (ServerFailed, StoreAway) as error:
            raise CannotRun(str(error)) from error
        finally:
            for number in _SIGNALS:  # stopping takes its few seconds, however often somebody asks
                signal.signal(number, signal.SIG_IGN)
    progress.say("Stopped; the data is kept.")


def _check(settings: Settings, folder: DataFolder) -> None:
    checks.memory_suffices(checks.available_memory())
    checks.port_is_free(settings.bind, settings.http_port, "LYCEUM_HTTP_PORT")
    checks.port_is_free(settings.bind, settings.realtime_port, "LYCEUM_REALTIME_PORT")
    for port in settings.media_ports:
        checks.udp_port_is_free(settings.media_bind, port, "LYCEUM_MEDIA_UDP_PORT")
    if not settings.database_url:
        postgres.check_version(folder.postgres)


def _start(settings: Settings, folder: DataFolder, progress: Progress, stack: ExitStack) -> tuple[Servers, Bystander]:
    """Start every part; what stops it goes onto `stack` first, so that an interrupt at any point stops what has begun."""
    temporary = make_temporary()
    servers = Servers(folder, temporary, settings)
    settings = settings.model_copy(
        update={
            "database_url": servers.database_url,
            "redis_url": servers.redis_url,
            "secret_key": settings.secret_key or folder.secret("secret_key").read_text(),
        }
    )
    folder.note_run(_note(settings, temporary))
    stack.callback(folder.forget_run)
    stack.callback(reap_orphans, ())
    stack.callback(servers.stop)
    crew = ThreadPoolExecutor(max_workers=6, thread_name_prefix="start")
    # Before any other thread starts a program: who does so while the environment changes hands on a broken one.
    haproxy = ray_head.prepare(temporary, folder.secret("ray_token"), settings.public_host)
    databases = crew.submit(_start_databases, settings, servers, progress)
    stack.callback(_wait, databases)
    crew.submit(ray_head.import_serve)
    stack.callback(ray_head.end_ray, temporary)
    with progress.phase("Ray"):
        ray_head.start_ray(temporary, cpus=settings.grain_hosts + settings.api_replicas + 4)
    _interrupt_on_signals()  # Ray has put its own in place

    databases.result()
    actors = crew.submit(_start_actors, settings, progress, stack)
    stack.callback(ray_head.stop_accepting, temporary, _DRAIN_SECONDS)
    bystander = stack.enter_context(ray_head.watch_haproxy(temporary, haproxy, progress.say))
    serve = crew.submit(_start_serve, settings, progress)
    with progress.phase("API"):
        from serve_app import deployment  # imports Ray, which must be prepared first

        ray_head.wait_controller(serve)
        deployment.run(settings)
    serve.result()
    actors.result()
    with progress.phase("Everything answers"):
        health.wait_ready(settings.bind, settings.http_port, _READY_SECONDS)
    folder.note_ready()
    if settings.demo:
        from serve_app.command import demo

        with progress.phase("Sample data"):
            demo.load(settings)
    return servers, bystander


def _wait(databases: Future[None]) -> None:
    """Let the databases finish starting before they are stopped. Whoever waits for Ray meanwhile is not waited for."""
    wait([databases], timeout=60)


def _start_databases(settings: Settings, servers: Servers, progress: Progress) -> None:
    with progress.phase("Redis"):
        servers.start_redis()
    with progress.phase("PostgreSQL"):
        servers.start_postgres()
    with progress.phase("Tables"):
        tables.prepare(settings)
    for risk in asyncio.run(find_risks(settings.database_url)):
        progress.say(f"  [bold red]Not safe against power loss:[/] {risk}")


def _start_serve(settings: Settings, progress: Progress) -> None:
    with progress.phase("Serve"):
        ray_head.start_serve("127.0.0.1", settings.http_port, every_node=False)


def _start_actors(settings: Settings, progress: Progress, stack: ExitStack) -> None:
    from actors import cluster  # imports Ray, which must be prepared first

    config = settings.actor_config()
    stack.callback(cluster.stop, config, _DRAIN_SECONDS)
    with progress.phase("Classes and gateway"):
        cluster.start(config)


def _stay(servers: Servers, bystander: Bystander, progress: Progress) -> None:
    """Watch over the run until a signal raises."""
    from actors.spares import Spares  # imports Ray, which must be prepared first

    heads = [process for process in psutil.Process().children() if process.name() in ("raylet", "gcs_server")]
    spares = Spares()
    while True:
        time.sleep(0.5)
        reap_orphans(servers.pids | bystander.pids)
        for name in servers.revive():
            progress.say(f"  {name} had died; it runs again.")
        spares.look()
        if not all(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in heads):
            raise CannotRun("Ray has died, so everything was stopped; `lyceum up` starts it again, and no data is lost.")


def _greet(settings: Settings, console: Console) -> None:
    console.print(f"  Site     {settings.http_url}", highlight=False)
    console.print(f"  API      {settings.http_url}/api/docs", highlight=False)
    console.print(f"  Sockets  {settings.socket_url}", highlight=False)
    if settings.media != "embedded":
        console.print(f"  Video    {settings.livekit_url or 'off'} (LYCEUM_MEDIA={settings.media})", highlight=False)
    else:
        console.print(f"  Video    UDP {_ports(settings)}, from a few seconds from now", highlight=False)
    if not settings.smtp_url:
        console.print(f"  Mail     files in {settings.data_dir / 'mail'} (no LYCEUM_SMTP_URL)", highlight=False)
    if settings.demo:
        from serve_app.command import demo

        console.print(demo.sign_ins())
    console.print("  Ctrl-C stops it.", highlight=False)


def _ports(settings: Settings) -> str:
    ports = settings.media_ports
    return str(ports[0]) if len(ports) == 1 else f"{ports[0]} to {ports[-1]}"


def _note(settings: Settings, temporary: Path) -> Run:
    return Run(
        pid=os.getpid(),
        process_started=psutil.Process().create_time(),
        bind=settings.bind,
        temporary=str(temporary),
        http_url=settings.http_url,
        http_port=settings.http_port,
        realtime_url=settings.socket_url,
        realtime_port=settings.realtime_port,
        database_url=settings.database_url,
        redis_url=settings.redis_url,
    )


def _interrupt_on_signals() -> None:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in _SIGNALS:
        signal.signal(number, interrupt)
