"""What the Dockerfile starts and asks, without a container: a builder is not everywhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

from tests.web.server_process import HANG_SECONDS, ServerProcess

ROOT = Path(__file__).parents[2]


def instruction(name: str) -> list[str]:
    """The words of the last instruction of this name, which stand in JSON."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    found: list[str] = json.loads(re.findall(rf"^{name}\b[^\[]*(\[.*\])$", text, re.MULTILINE)[-1])
    return found


def test_the_health_check_says_whether_the_command_of_the_image_answers(
    tmp_path: Path, demo_model: Path
) -> None:
    command = instruction("CMD")
    assert instruction("ENTRYPOINT") == ["matinee"] and command[0] == "serve"
    server = ServerProcess(tmp_path, *command[1:], "--model", demo_model)
    python, *check = instruction("HEALTHCHECK")
    assert python == "python"
    check[-1] = check[-1].replace("http://127.0.0.1:8000", server.address)

    def is_healthy() -> bool:
        asked = subprocess.run([sys.executable, *check], capture_output=True, timeout=HANG_SECONDS)
        return asked.returncode == 0

    try:
        assert is_healthy()
    finally:
        server.kill()
    assert not is_healthy()


def test_the_composed_server_has_no_rights_that_it_does_not_need() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    server = services["matinee"]
    assert server["read_only"] is True and server["cap_drop"] == ["ALL"]
    assert server["security_opt"] == ["no-new-privileges:true"]
    assert server["ports"] == ["127.0.0.1:8000:8000"]
    assert "ports" not in services["database"]
    assert re.search(r"^USER 10001$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
