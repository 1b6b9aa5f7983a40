"""The files under `deploy/` name commands and settings that there are, as far as a machine without engines can tell."""

import configparser
import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands, load_command_class

from conversations import metrics as conversations_metrics
from tasks import metrics as tasks_metrics
from valuecell_site import metrics as site_metrics

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def understood(arguments: list[str]) -> None:
    """Fails where `manage.py` would not take them."""
    name, *options = arguments
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    parser.parse_args(options)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_start_commands_that_there_are_and_give_them_time_to_drain(unit: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(unit)
    words = shlex.split(parser["Service"]["ExecStart"])
    assert words[1] == "manage.py"
    understood(words[2:])
    assert int(parser["Service"]["TimeoutStopSec"]) > 10
    assert parser["Service"]["Restart"] == "always"


def test_there_is_a_unit_for_each_kind_of_process() -> None:
    assert [unit.stem.removeprefix("valuecell-tasks-") for unit in UNITS] == ["runner", "web", "worker@"]


def test_compose_starts_commands_that_there_are_each_with_both_addresses() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    ours = {name: service for name, service in services.items() if "build" in service}
    assert set(ours) == {"web", "runner", "worker"}
    for service in ours.values():
        understood(service["command"])
        assert {"DATABASE_URL", "REDIS_URL", "SECRET_KEY"} <= set(service["environment"])
        assert int(service["stop_grace_period"].removesuffix("s")) > 10


def test_variables_of_the_example_are_settings() -> None:
    said = (DEPLOY.parent / "docs" / "operations.md").read_text()
    names = re.findall(r"^([A-Z_]+)=", (DEPLOY / "systemd" / "valuecell-tasks.env.example").read_text(), re.MULTILINE)
    assert len(names) > 5
    assert [name for name in names if f"`{name}`" not in said] == []


def test_dashboard_and_alerts_speak_of_metrics_that_there_are() -> None:
    said = (DEPLOY / "grafana.json").read_text() + (DEPLOY / "alerts.yml").read_text()
    named = {re.sub(r"_(bucket|count|sum|total)$", "", name) for name in re.findall(r"valuecell_[a-z_]+", said)}
    sources = [conversations_metrics.__file__, tasks_metrics.__file__, site_metrics.__file__]
    known = set(re.findall(r'"(valuecell_[a-z_]+)"', "".join(Path(source).read_text() for source in sources)))
    assert len(named) > 10
    assert named - known == set()
    assert yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]
    assert json.loads((DEPLOY / "grafana.json").read_text())["panels"]
