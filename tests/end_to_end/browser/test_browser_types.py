"""The browser's types are those of the API as it is."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from serve_app.openapi import document

ROOT = Path(__file__).resolve().parents[3]
WEB = ROOT / "web"
GENERATOR = WEB / "node_modules" / "openapi-typescript" / "bin" / "cli.js"


def find_node() -> str:
    """The Node that `make install` chose, or the one on the PATH."""
    noted = ROOT / ".venv" / ".node-ready"
    folder = noted.read_text().strip() if noted.is_file() else ""
    node = shutil.which("node", path=os.pathsep.join([folder, os.environ["PATH"]]))
    assert node is not None, "There is no Node; `make install` gets one"
    return node


@pytest.mark.skipif(
    not GENERATOR.is_file() and os.environ.get("CI") != "true",  # on a developer's machine only; CI must have installed it
    reason="the web application is not installed; `make install` does it",
)
def test_generated_types_fit_the_openapi_document(tmp_path: Path) -> None:
    described, generated = tmp_path / "openapi.json", tmp_path / "schema.d.ts"
    described.write_text(json.dumps(document()))
    command = [find_node(), str(GENERATOR), str(described), "-o", str(generated)]
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    current = (WEB / "src" / "api" / "schema.d.ts").read_text()
    assert generated.read_text() == current, "The API has changed: run `npm run types` in web/ and commit the result"
