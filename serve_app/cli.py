"""The `lyceum` command: words in, one function of `serve_app.command` called, failures as one sentence and an exit code."""

import json
import os
import sys
import traceback
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console

from classroom.callers import Role
from serve_app.command.refusing import CannotRun
from serve_app.settings import Settings

# Modules of single commands are imported where they are used: `lyceum --help` is to answer at once.

app = typer.Typer(
    name="lyceum",
    help="Lyceum: live classes with exact seats. Settings are LYCEUM_* environment variables; see .env.example.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
user_app = typer.Typer(help="Accounts.", no_args_is_help=True)
loadtest_app = typer.Typer(help="Load tests.", no_args_is_help=True)
app.add_typer(user_app, name="user")
app.add_typer(loadtest_app, name="loadtest")

_console = Console(soft_wrap=True)


def main() -> None:
    """Entry point: exit code 0, 1 with a sentence on standard error, or 2 for wrong usage."""
    try:
        app()
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else 0 if done.code is None else 1
    except CannotRun as error:
        print(f"lyceum: {error}", file=sys.stderr)
        code = 1
    except ValidationError as error:
        print(f"lyceum: {_sentence(error)}", file=sys.stderr)
        code = 1
    except Exception:  # a fault of ours: shown whole
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: when `up` has ended everything, Ray's own farewell would wait for servers that are gone.
    os._exit(code)


@app.command()
def up(
    address: Annotated[
        str | None,
        typer.Option(help="Join this running Ray cluster (`auto`: the one of this machine) instead of starting one."),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="With sample data and sign-ins for it; on localhost only.")] = False,
) -> None:
    """Start everything on this machine and stay until Ctrl-C."""
    settings = _settings(demo=True) if demo else _settings()
    if address is not None:
        from serve_app.command.joining import join

        join(settings, address, _console)
        return
    from serve_app.command.up import up as run

    run(settings, _console)


@app.command()
def down() -> None:
    """Stop what `up` started: sockets are sent away, everything is flushed, the data is kept."""
    from serve_app.command.down import down as run

    run(_settings(), _console)


@app.command()
def status() -> None:
    """Say what runs and how it feels; exit code 1 unless everything that is needed answers."""
    from serve_app.command.status import status as run

    if not run(_settings(), _console):
        raise typer.Exit(1)


@app.command()
def migrate() -> None:
    """Bring the database up to this release's tables."""
    from serve_app.command import storage

    settings = _settings()
    with storage.database_url(settings) as url:
        storage.migrate(url)
    _console.print("The tables are up to date.")


@app.command()
def demo(
    scale: Annotated[
        bool, typer.Option("--scale", help="A platform that has been used for years, to see how fast it is.")
    ] = False,
    users: Annotated[int, typer.Option(help="With --scale: people; each has five courses and fifty lessons.")] = 200_000,
    courses: Annotated[int, typer.Option(help="With --scale: courses of ten lessons.")] = 5_000,
) -> None:
    """Put sample data into the running system: a course, a class with open doors, and people who can sign in."""
    if scale:
        from persistence.scale import Size
        from serve_app.command.scale import enlarge

        enlarge(_settings(), Size(users, courses), _console.print)
        return
    from serve_app.command import demo as sample

    sample.load(_settings())
    _console.print(sample.sign_ins())


@user_app.command("create")
def create_user(
    email: Annotated[str, typer.Option(help="Address to sign in with.")],
    password: Annotated[str, typer.Option(help="At least 8 characters.")],
    role: Annotated[Role, typer.Option(help="What the person may do.")],
    name: Annotated[str | None, typer.Option(help="What others see; the address up to the @ without it.")] = None,
    verified: Annotated[bool, typer.Option("--verified", help="The address needs no confirmation.")] = False,
) -> None:
    """Open an account; prints its id."""
    from serve_app.command import people

    print(people.create_user(_settings(), email, password, role, name or email.split("@")[0], verified))


@app.command()
def token(email: Annotated[str, typer.Argument(help="Address of the account.")]) -> None:
    """Print an access token for an account."""
    from serve_app.command import people

    print(people.access_token(_settings(), email))


@loadtest_app.command("prepare")
def prepare_loadtest(
    students: Annotated[int, typer.Option(min=1, max=100_000, help="How many students to enrol.")],
    capacity: Annotated[int, typer.Option(min=1, max=100_000, help="How many seats the class has.")],
    classes: Annotated[
        int, typer.Option(min=1, max=1_000, help="How many such classes, each with its own instructor and students.")
    ] = 1,
) -> None:
    """Make a started class with enrolled students in the running system; prints their tokens as JSON."""
    from serve_app.command import loadtest

    print(json.dumps(loadtest.prepare(_settings(), students, capacity, classes)))


def _settings(**given: bool) -> Settings:
    return Settings.model_validate(given) if given else Settings()


def _sentence(error: ValidationError) -> str:
    """The first thing that is wrong with the settings, in words of the environment."""
    first = error.errors()[0]
    said = str(first["msg"]).removeprefix("Value error, ")
    where = f"LYCEUM_{str(first['loc'][0]).upper()} " if first["loc"] else ""
    shown = f" (it is {str(first['input'])[:60]!r})" if where and "KEY" not in where and "URL" not in where else ""
    return f"{where}{said[0].lower() if where else said[0]}{said[1:]}{shown}".rstrip(".") + "."


if __name__ == "__main__":
    main()
