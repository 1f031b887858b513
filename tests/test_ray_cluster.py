"""`ray_cluster.yaml` against Ray's own schema and against what the rest of the repository says."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ray
import yaml

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def cluster() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "ray_cluster.yaml").read_text())
    return loaded


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((Path(ray.__file__).parent / "autoscaler/ray-schema.json").read_text())
    return loaded


def test_ray_accepts_it(cluster: dict[str, Any], schema: dict[str, Any]) -> None:
    jsonschema.validate(cluster, schema)


def test_schema_would_notice_a_mistake(cluster: dict[str, Any], schema: dict[str, Any]) -> None:
    for mistake in ({"head_node": {}}, {"max_workers": "eight"}, {"available_node_types": {"head": {}}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**cluster, **mistake}, schema)


def test_nothing_of_ours_runs_on_the_head(cluster: dict[str, Any]) -> None:
    types = cluster["available_node_types"]
    assert types[cluster["head_node_type"]]["resources"]["CPU"] == 0
    assert "--num-cpus=0" in " ".join(cluster["head_start_ray_commands"])
    workers = [name for name in types if name != cluster["head_node_type"]]
    assert all(types[name]["resources"]["CPU"] > 0 and types[name]["min_workers"] >= 2 for name in workers)
    assert cluster["max_workers"] >= sum(types[name]["min_workers"] for name in workers)


def test_image_has_the_pinned_ray(cluster: dict[str, Any]) -> None:
    pinned = re.search(r"^ray(?:\[\w+\])?==(\S+)", (ROOT / "requirements/runtime.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert cluster["docker"]["image"] == f"rayproject/ray:{pinned[1]}-py311"


def test_head_and_workers_start_with_the_same_serve(cluster: dict[str, Any]) -> None:
    def variables(commands: list[str]) -> set[str]:
        return set(re.findall(r"RAY_SERVE_\w+=\S+|RAY_AUTH_MODE=\S+|RAY_worker_niceness=\S+", " ".join(commands)))

    head, worker = variables(cluster["head_start_ray_commands"]), variables(cluster["worker_start_ray_commands"])
    assert head == worker
    assert {"RAY_AUTH_MODE=token", "RAY_SERVE_ENABLE_HA_PROXY=1", "RAY_SERVE_THROUGHPUT_OPTIMIZED=1"} <= head


def test_files_that_are_copied_and_made_here_exist(cluster: dict[str, Any]) -> None:
    ours = [source for source in cluster["file_mounts"].values() if "secrets" not in source]
    assert ours
    assert all((ROOT / source).exists() for source in ours)
    assert "secrets" in cluster["rsync_exclude"]
