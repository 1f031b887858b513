"""Every operation of the OpenAPI document with made-up requests, fitting ones and others, asked by everybody: whatever
comes, the answer is one that the document promises, and never a fault of ours. `CONTRACT_CASES` says how many."""

import asyncio
import os
from collections import Counter
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.serve_app.edges import Edge
from tests.serve_app.world import World, make_world

CASES = int(os.environ.get("CONTRACT_CASES", "1600"))
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SECONDS = 30
WORLD_EVERY = 8


@schemathesis.serializer("application/sdp")
def _offer(_context: Any, value: Any) -> bytes:
    """An offer is sent as the text that it is."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


schemathesis.serializer.alias("application/sdp", "text/plain")


@pytest.mark.timeout(3_600)
async def test_whatever_is_asked_the_answer_is_one_that_the_document_promises(edge: Edge) -> None:
    schema = schemathesis.openapi.from_dict(edge.app.openapi())
    edge.media.revive()  # away it would say so, and that is no fault
    operations = [result.ok() for result in schema.get_all_operations()]
    each = -(-CASES // len(operations))
    probe = Probe(asyncio.get_running_loop())
    # Reading destroys nothing; after some operations that do, there is a new world.
    operations.sort(key=lambda operation: operation.method.upper() != "GET")
    world = await make_world(edge)
    changes = 0
    for operation in operations:
        if operation.method.upper() != "GET":
            changes += 1
            if changes % WORLD_EVERY == 0:
                world = await make_world(edge)
        await asyncio.to_thread(probe.ask, operation, world, each)
    print(f"\n{probe.asked} cases of {len(operations)} operations: {dict(sorted(probe.statuses.items()))}")
    assert probe.asked >= CASES * 0.95, f"only {probe.asked} of {CASES} cases could be sent"
    assert not probe.faults, "\n\n".join(probe.faults.values())


class Probe:
    """Asks from a thread of its own, since what makes requests up cannot wait; the application runs in `loop`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.asked = 0
        self.statuses: Counter[int] = Counter()
        self.faults: dict[tuple[str, str], str] = {}

    def ask(self, operation: Any, world: World, times: int) -> None:
        """So many requests to one operation; what is wrong with the answers is noted, once a kind."""
        fitting, other = (operation.as_strategy(mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE))
        known = {name: world.ids_in(operation.path, name) for name in _path_parameters(operation)}

        @settings(
            max_examples=times,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=fitting | fitting | other, who=st.sampled_from(world.people), data=st.data())
        def go(case: Any, who: httpx.AsyncClient, data: Any) -> None:
            for name, ids in known.items():
                if ids and data.draw(st.integers(0, 3), label=name):
                    case.path_parameters = {**(case.path_parameters or {}), name: data.draw(st.sampled_from(ids))}
            self._send(case, who)

        go()

    def _send(self, case: Any, who: httpx.AsyncClient) -> None:
        asked = case.as_transport_kwargs(base_url="http://lyceum.test")
        if "data" in asked:
            asked["content"] = asked.pop("data")
        headers = {name: value for name, value in dict(asked.pop("headers", {})).items() if name.lower() != "authorization"}
        headers |= {"Authorization": who.headers["authorization"]} if "authorization" in who.headers else {}
        cookies = asked.pop("cookies", None)
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        try:
            request = httpx.Request(**{name: value for name, value in asked.items() if name in _KNOWN}, headers=headers)
        except (httpx.InvalidURL, UnicodeError, ValueError, TypeError):
            return  # no client could send this
        response = asyncio.run_coroutine_threadsafe(self._answer(request, who), self._loop).result(SECONDS)
        self.asked += 1
        self.statuses[response.status_code] += 1
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                kind = (f"{case.method} {case.path}", f"{response.status_code} {type(failure).__name__}")
                said = f"{request.method} {request.url} {request.content[:400]!r}\n{failure}\n{response.text[:600]}"
                self.faults.setdefault(kind, said)

    @staticmethod
    async def _answer(request: httpx.Request, who: httpx.AsyncClient) -> httpx.Response:
        # What the client would add itself (its own cookies, say) would not be what was made up.
        return await who.send(request, follow_redirects=False)


_KNOWN = frozenset({"method", "url", "params", "json", "content"})


def _path_parameters(operation: Any) -> list[str]:
    return [parameter.name for parameter in operation.path_parameters]
