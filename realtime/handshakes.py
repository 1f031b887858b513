"""What an HTTP request to the gateway's port is answered: a socket, its health, or a sentence why not."""

from collections.abc import Callable
from http import HTTPStatus

import structlog
from picows import WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener

from realtime.frames import SUBPROTOCOL
from realtime.origins import origin_allowed
from realtime.settings import GatewaySettings
from realtime.sockets import Socket

_log = structlog.get_logger(__name__)


def answer(
    request: WSUpgradeRequest, settings: GatewaySettings, full: bool, make_socket: Callable[[], Socket]
) -> WSUpgradeResponseWithListener:
    """Let a socket in, or say why not. `full` turns everybody away who wants one."""
    headers = request.headers
    path = request.path.partition(b"?")[0].decode("latin-1")
    if path == "/healthz":
        return WSUpgradeResponseWithListener(WSUpgradeResponse.create_ok_response(b"ok\n"), None)
    if path != settings.path:
        return _refuse(HTTPStatus.NOT_FOUND, f"There is nothing here; the sockets are at {settings.path}.")
    if full:
        return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, "No more connections are taken just now.")
    if not origin_allowed(headers.get("Origin"), headers.get("Host", ""), settings.allowed_origins):
        _log.info("connection.origin_refused", origin=headers.get("Origin", "")[:200])
        return _refuse(HTTPStatus.FORBIDDEN, "Pages from this origin may not connect here.")
    protocols = _tokens(",".join(headers.getall("Sec-WebSocket-Protocol", [])))
    if protocols and SUBPROTOCOL not in protocols:
        return _refuse(HTTPStatus.BAD_REQUEST, f"The subprotocol spoken here is {SUBPROTOCOL}.")
    # Browsers may send `keep-alive, Upgrade`; picows wants the token alone.
    if "upgrade" in _tokens(headers.get("Connection", "").lower()):
        headers["Connection"] = "Upgrade"
    response = WSUpgradeResponse.create_101_response({"Sec-WebSocket-Protocol": SUBPROTOCOL} if protocols else None)
    return WSUpgradeResponseWithListener(response, make_socket())


def _refuse(status: HTTPStatus, sentence: str) -> WSUpgradeResponseWithListener:
    return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(status, sentence.encode() + b"\n"), None)


def _tokens(header: str) -> list[str]:
    return [token.strip() for token in header.split(",") if token.strip()]
