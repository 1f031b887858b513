"""Ray Serve starts this instead of HAProxy: it corrects the configuration that Serve wrote, then becomes HAProxy.

Serve's own file lets its pages of figures listen everywhere, hides who is calling from the replicas, and answers
faults in plain text. Run as `python -m serve_app.command.haproxy PUBLIC ERRORS DOOR BINARY -db -f CONFIG …`. Serve needs
several seconds to replace a HAProxy that has died; who stands in until then is `serve_app/command/standin.py`.
"""

import json
import os
import re
import socket
import sys
from pathlib import Path

_FAULTS = {
    400: ("Bad Request", "malformed_request", "This is not a request that the server understands."),
    408: ("Request Timeout", "request_timeout", "The request took too long to arrive."),
    502: ("Bad Gateway", "unavailable", "The server is away for a moment. Please try again."),
    503: ("Service Unavailable", "unavailable", "The server is away for a moment. Please try again."),
    504: ("Gateway Timeout", "unavailable", "The server took too long to answer. Please try again."),
}

CONNECTIONS_A_REPLICA = 256
"""Requests that one replica works on at once; more wait in HAProxy. A crowd of thousands then travels over a few hundred
connections that are open already, and each of its requests costs a replica a fifth less."""
_QUEUE_SECONDS = 15

_DOOR_SECONDS = 5.0
_UNWATCHED = "    http-request set-header x-request-disconnect-disabled ?1\n"
# Serve reads these before the application does, as UTF-8, and what is none is a 500 in plain text.
_UNHEARD = """\
    http-request del-header x-request-id if { req.fhdr(x-request-id) -m reg [^!-~] }
    http-request del-header x-request-timeout-seconds
    http-request del-header x-session-id
    http-request del-header ^serve[-_]multiplexed[-_]model[-_]id$ -m reg
"""


def corrected(config: str, public: str, errors: Path) -> str:
    """The configuration with the site alone on `public` (`host:port`) and everything else on loopback, the caller's address
    handed on as the last `X-Forwarded-For` (unless a proxy on this machine has already written it), and faults as problem
    documents from the folder `errors`. Nobody is told that a page does not exist while Serve has not yet said where the site
    is, as after a restart of HAProxy: that is a 503, for which clients come back. A replica gets a bounded number of
    requests at once, and no header that Serve would obey or stumble over. HAProxy itself writes no log: nobody listens where
    Serve sends it, and the edge writes its own."""
    config = re.sub(r"^(\s*bind) \*?:(\d+)\s*$", r"\1 127.0.0.1:\2", config, flags=re.MULTILINE)
    config = re.sub(r"(^frontend http_frontend\n\s*bind) \S+", rf"\1 {public}", config, flags=re.MULTILINE)
    forwarded = rf"\1option forwardfor except 127.0.0.0/8\n\1timeout queue {_QUEUE_SECONDS}s"
    config = re.sub(r"^(\s*)option httplog$", forwarded, config, flags=re.MULTILINE)
    config = re.sub(r"^\s*(log|log-format-sd|option log-health-checks|no log)( .*)?\n", "", config, flags=re.MULTILINE)
    config = re.sub(r"http-request return status 404 .*", "http-request deny deny_status 503", config)
    bounded = rf"\1 maxconn {CONNECTIONS_A_REPLICA}"
    config = re.sub(r"^(\s*server SERVE_REPLICA\S* (?!.*maxconn).*)$", bounded, config, flags=re.MULTILINE)
    # A replica then needs no task of its own to watch the caller, and nothing is cut short in the middle.
    ours = _UNWATCHED + _UNHEARD
    config = config.replace(ours, "").replace(_UNWATCHED, "")
    config = re.sub(r"(^frontend http_frontend\n\s*bind \S+\n)", lambda head: head[1] + ours, config, flags=re.MULTILINE)
    config = re.sub(r"^\s*errorfile .*\n", "", config, flags=re.MULTILINE)
    lines = "".join(f"    errorfile {status} {errors / f'{status}.http'}\n" for status in _FAULTS)
    return re.sub(r"^(defaults\n)", rf"\1{lines}", config, flags=re.MULTILINE)


def write_errors(folder: Path) -> None:
    """Write the answers that HAProxy gives by itself, as RFC 9457 problem documents."""
    folder.mkdir(parents=True, exist_ok=True)
    for status, (title, code, message) in _FAULTS.items():
        problem = {
            "type": "about:blank",
            "title": title,
            "status": status,
            "detail": message,
            "instance": "",
            "errorCode": code,
            "message": message,
            "details": {},
            "correlationId": "",
        }
        body = json.dumps(problem)
        retry = "Retry-After: 1\r\n" if status >= 502 else ""
        head = f"HTTP/1.1 {status} {title}\r\nContent-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n"
        (folder / f"{status}.http").write_bytes(f"{head}Cache-Control: no-store\r\n{retry}\r\n{body}".encode())


def write_launcher(path: Path, public: str, errors: Path, door: Path, binary: str) -> None:
    """Write the program that Serve is told to start as HAProxy (`RAY_SERVE_HAPROXY_BINARY_PATH`). It announces itself at the
    socket `door`, if somebody listens there (`standin.Bystander`)."""
    write_errors(errors)
    words = " ".join(f'"{word}"' for word in (public, errors, door, binary))
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m serve_app.command.haproxy {words} "$@"\n')
    path.chmod(0o700)


def knows_site(config: str) -> bool:
    """Whether Serve has said where the site is: one that it starts anew learns it only some moments later."""
    return re.search(r"^\s*server SERVE_REPLICA", config, flags=re.MULTILINE) is not None


def succeeding(config: str, arguments: list[str], serving: list[int]) -> tuple[str, list[str]]:
    """Configuration and arguments of one that begins while the processes `serving` serve the site, the last one for new
    callers: the site is left to it until the new one knows the site, too. Then all of them are told to finish (`-sf`)."""
    others = [word for word in map(str, serving) if word not in arguments]
    if not others:
        return config, arguments
    if knows_site(config):
        return config, [*arguments, "-sf", *others]
    if str(serving[-1]) in arguments:  # Serve itself ends who has the site
        return config, arguments
    return config.replace("frontend http_frontend\n", "frontend http_frontend\n    disabled\n"), arguments


def main() -> None:
    """Correct the file after `-f`, then become HAProxy with the same arguments."""
    public, errors, door, binary, *arguments = sys.argv[1:]
    path = Path(arguments[arguments.index("-f") + 1])
    config = corrected(path.read_text(), public, Path(errors))
    serving = _announce(Path(door), config)
    config, arguments = succeeding(config, arguments, serving)
    if serving or "-sf" in arguments or _is_free(public):
        # Ours can listen at the port at the same time, so that nobody waits for another to close it.
        arguments = [word for word in arguments if word != "-dR"]
    path.write_text(config)
    os.execv(binary, [binary, *arguments])  # noqa: S606 - this is what a launcher is for


def _announce(door: Path, config: str) -> list[int]:
    """Tell who watches that this process becomes HAProxy; the processes that serve the site now, the last one last."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(_DOOR_SECONDS)
        try:
            caller.connect(str(door))
            caller.sendall(config.encode())
            caller.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: caller.recv(65536), b""))
        except OSError:
            return []  # nobody watches, as when everything stops
    pids: list[int] = json.loads(answer or b"[]")
    return pids


def _is_free(public: str) -> bool:
    """Whether no stranger listens there; with one HAProxy must not share the port, but say that it is taken."""
    host, _, port = public.rpartition(":")
    with socket.socket(socket.AF_INET6 if "[" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]").replace("*", ""), int(port)))
        except OSError:
            return False
    return True


if __name__ == "__main__":
    main()
