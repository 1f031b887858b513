"""`Idempotency-Key`: POST routes that do a thing once, however often it is asked for."""

import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from classroom.times import Moment
from persistence.idempotency import Busy, IdempotencyKeys, Reused, Stored, claim_or_wait
from persistence.idempotency import Request as Keyed
from serve_app.problems import RefusedRequest, problem_of
from serve_app.reasons import KeyBusy, KeyReused
from serve_app.visits import parts_of, visit_of

WAIT_SECONDS = 10.0
_NOT_KEPT = frozenset({401, 429})
_KEPT_HEADERS = frozenset({"content-type", "location", "set-cookie"})


@dataclass(frozen=True)
class _Answer:
    headers: dict[str, str]
    body: bytes


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(_Answer).decode


class OnceRoute(APIRoute):
    """A route whose POSTs, under a key, are done once and answered alike; the answer is kept sealed for a day."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handle = super().get_route_handler()

        async def once(request: Request) -> Response:
            if request.method != "POST" or visit_of(request).idempotency_key is None:
                return await handle(request)
            return await _once(request, handle)

        return once


async def command_once(
    request: Request, body: bytes, send: Callable[[str | None], Awaitable[tuple[int, bytes]]]
) -> tuple[int, bytes]:
    """The status and body of a command to a class, which itself does it once by the key that `send` is given; here the same
    answer is given again, refusals too, and a key that stands for another request is refused."""
    keyed = _keyed(request, body)
    if keyed is None:
        return await send(None)
    keys = parts_of(request).command_keys
    known = await keys.claim(keyed)
    if isinstance(known, Reused):
        raise RefusedRequest(KeyReused())
    if known is not None:
        return known.status, known.sealed
    try:
        status, answer = await send(keyed.key)
    except RefusedRequest as refused:
        if not refused.refusal.retry:
            correlation_id = visit_of(request).correlation_id
            problem = problem_of(refused.refusal, request.url.path, correlation_id, refused.headers)
            keys.keep(keyed, Stored(problem.status, problem.body))
        raise
    keys.keep(keyed, Stored(status, answer))
    return status, answer


async def _once(request: Request, handle: Callable[[Request], Awaitable[Response]]) -> Response:
    keyed = _keyed(request, await request.body())
    if keyed is None:
        return await handle(request)
    parts, visit = parts_of(request), visit_of(request)
    claim = await claim_or_wait(parts.idempotency, keyed, parts.new_id(), parts.clock(), WAIT_SECONDS)
    if isinstance(claim, Reused):
        raise RefusedRequest(KeyReused())
    if isinstance(claim, Busy):
        raise RefusedRequest(KeyBusy())
    if isinstance(claim, Stored):
        answer = _unpack(parts.seal.open(claim.sealed))
        return Response(answer.body, claim.status, {**answer.headers, "Idempotency-Replayed": "true"})
    visit.entity_id = claim.entity_id
    try:
        response = await handle(request)
    except RefusedRequest as refused:
        problem = problem_of(refused.refusal, request.url.path, visit.correlation_id, refused.headers)
        await _keep(parts.idempotency, keyed, claim.lease, problem.status, problem.response(), parts.seal.close)
        raise
    except (RequestValidationError, HTTPException):
        await parts.idempotency.release(keyed, claim.lease)
        raise
    except BaseException:
        # What was done is not known. The lease runs out by itself, and the next one takes over with the same entity id.
        await parts.idempotency.release(keyed, claim.lease)
        raise
    await _keep(parts.idempotency, keyed, claim.lease, response.status_code, response, parts.seal.close)
    return response


def _keyed(request: Request, body: bytes) -> Keyed | None:
    visit = visit_of(request)
    if visit.idempotency_key is None:
        return None
    asked = request.method.encode() + b" " + request.url.path.encode() + b"\n" + body
    return Keyed(visit.who, visit.idempotency_key, hashlib.sha256(asked).digest())


async def _keep(
    keys: IdempotencyKeys, keyed: Keyed, lease: Moment, status: int, response: Response, seal: Callable[[bytes], bytes]
) -> None:
    if status in _NOT_KEPT or status >= 500:
        await keys.release(keyed, lease)
        return
    headers = {name: value for name, value in response.headers.items() if name in _KEPT_HEADERS}
    await keys.complete(keyed, lease, Stored(status, seal(_pack(_Answer(headers, bytes(response.body))))))
