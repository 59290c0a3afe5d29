"""The description at /openapi.json is true: what it says is asked of the server at random."""
import os
import pathlib
import subprocess
import sys

import pytest

from called_service import unlimited

CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,"
          "response_schema_conformance,unsupported_method,ignored_auth")


@pytest.fixture
def schema(service):
    return service.ask("GET", "/openapi.json").json


def test_every_operation_says_what_it_takes_and_every_status_it_answers(schema):
    assert schema["openapi"] == "3.1.0"
    operations = [one for path in schema["paths"].values() for one in path.values()]
    assert len(operations) == len({one["operationId"] for one in operations})
    create = schema["paths"]["/console/v1/ingestion"]["post"]
    body = create["requestBody"]["content"]["application/json"]["schema"]
    assert {"type", "dataset", "source_name", "column_mapping"} <= set(body["required"])
    assert {"200", "400", "401", "403", "404", "409", "429", "503"} == set(create["responses"])


def test_random_callers_meet_no_server_error_and_no_undocumented_answer(shop, service, tmp_path):
    key = unlimited(shop, "console", "--scope", "omni_read_write", "can_access_keys")
    done = subprocess.run(
        [str(pathlib.Path(sys.executable).parent / "schemathesis"), "run",
         f"http://{service.host}:{service.port}/openapi.json", "--header",
         f"STATSIG-API-KEY: {key}", "--checks", CHECKS, "--max-examples", "12",
         "--phases", "examples,coverage,fuzzing", "--request-timeout", "20",
         # A stream without end: test_progress.py asks for it.
         "--exclude-path", "/api/v1/progress",
         "--seed", "1", "--workers", "2", "--no-color", "--suppress-health-check", "all"],
        capture_output=True, text=True, timeout=300, cwd=tmp_path,
        env={**os.environ, "PYTHONUTF8": "1"})
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:] + "".join(
        line for line in service.log if "error" in line)[-3000:]
    assert service.ask("GET", "/healthz").status == 200
