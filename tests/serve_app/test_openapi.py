import json
import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from serve_app.openapi import document

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document()


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def test_the_document_is_printed_without_starting_anything() -> None:
    printed = subprocess.run([sys.executable, "-m", "serve_app.openapi"], capture_output=True, check=True, timeout=60)
    assert json.loads(printed.stdout)["info"]["title"] == "Lyceum"


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    names = {part.split('"')[0] for part in json.dumps(described).split("#/components/schemas/")[1:]}
    assert names <= set(described["components"]["schemas"])
    for schema in described["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_operations_have_names_that_generated_clients_can_use(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(set(names)) == len(names)
    assert all(name.isalnum() and name[0].islower() for name in names)


def test_every_operation_tells_its_problems(described: dict[str, Any]) -> None:
    for path, _, operation in operations(described):
        if path == "/api/health":
            continue
        responses = operation["responses"]
        assert {"429", "500", "503"} <= set(responses), path
        if operation.get("security"):
            assert "401" in responses, path
        for status, response in responses.items():
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"], (path, status)


def test_everything_on_the_wire_is_in_camel_case(described: dict[str, Any]) -> None:
    for name, schema in described["components"]["schemas"].items():
        assert not [field for field in schema.get("properties", {}) if "_" in field], name


def schema_for(described: dict[str, Any], name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": described["components"]})


async def test_what_classes_answer_is_what_the_document_says(edge: Any, described: dict[str, Any]) -> None:
    # The owner of a class encodes its answers itself, so nothing but this test ties them to the models.
    lesson = await edge.live_class(seats=1, students=2)
    first, second = lesson.students
    seated = await first.ask("POST", f"{lesson.path}/join", 200)
    schema_for(described, "Seated").validate(seated)
    schema_for(described, "Waitlisted").validate(await second.ask("POST", f"{lesson.path}/join", 202))
    for who in (first, second, lesson.teacher):
        schema_for(described, "LiveSessionStatus").validate(await who.ask("GET", f"{lesson.path}/status", 200))
    schema_for(described, "RealtimeTicket").validate(await first.ask("POST", "/realtime/ticket", 200))
    timeline = await lesson.teacher.ask("GET", f"{lesson.path}/timeline", 200)
    schema_for(described, "PageOf_TimelineEvent_").validate(timeline)
    ended = await lesson.teacher.ask("POST", f"{lesson.path}/end", 200)
    schema_for(described, "LiveSession").validate(ended)
    assert set(ended) == set(described["components"]["schemas"]["LiveSession"]["properties"])
    problem = await first.ask("POST", f"{lesson.path}/join", 410)
    schema_for(described, "ProblemDocument").validate(problem)


async def test_the_document_and_its_pages_are_served(edge: Any, described: dict[str, Any]) -> None:
    assert (await edge.visitor.get("/api/openapi.json")).json()["paths"].keys() == described["paths"].keys()
    pages = await edge.visitor.get("/api/docs")
    assert pages.headers["content-type"].startswith("text/html")
    assert "/api/openapi.json" in pages.text
