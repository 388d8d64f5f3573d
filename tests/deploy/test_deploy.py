"""What lies in ``deploy/`` names what there is: metrics, routes, commands, times."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from voiceserver.config.parse import parse
from voiceserver.metrics import Metrics
from voiceserver.weights.catalogue import MODELS

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "voiceserver.rules.yml"
DASHBOARD = DEPLOY / "grafana" / "voiceserver.json"
_METRIC = re.compile(r"\b(voiceserver_\w+)(?:\{([^}]*)\})?")
_BY = re.compile(r"\bby \(([^)]*)\)")
_OURS = {"instance", "le"}  # labels that Prometheus adds


def known() -> dict[str, set[str]]:
    """Names as they are scraped, and their labels."""
    found: dict[str, set[str]] = {}
    for metric in vars(Metrics()).values():
        if (name := getattr(metric, "_name", None)) is None:
            continue
        labels = set(metric._labelnames)
        endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        for ending in endings.get(metric._type, [""]):
            found[name + ending] = labels
    return found


def expressions() -> list[str]:
    """All that the rules and the dashboard ask for."""
    groups: Any = yaml.safe_load(RULES.read_text())["groups"]
    asked = [rule["expr"] for group in groups for rule in group["rules"]]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return asked + [one["expr"] for panel in panels for one in panel["targets"]]


@pytest.mark.parametrize("expression", expressions())
def test_every_metric_and_label_asked_for_is_there(expression: str) -> None:
    """Under the name that a scrape has."""
    metrics, labels = known(), set[str]()
    for name, matched in _METRIC.findall(expression):
        assert name in metrics
        labels |= metrics[name]
        for pair in filter(None, matched.split(",")):
            assert re.split(r"=~|!=|=", pair)[0] in metrics[name] | _OURS
    for grouped in _BY.findall(expression):
        assert {one.strip() for one in grouped.split(",")} <= labels | _OURS


def test_alerts_say_what_is_the_matter() -> None:
    """Each has a name of its own, a severity and a summary."""
    groups: Any = yaml.safe_load(RULES.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]


def test_panels_lie_side_by_side() -> None:
    """None over another, none beyond the grid of 24."""
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here")
def test_prometheus_takes_the_rules() -> None:
    """By its own tool, where that is installed."""
    done = subprocess.run(
        ["promtool", "check", "rules", str(RULES)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def documents(path: str) -> list[Any]:
    """All that a YAML file holds."""
    return list(yaml.safe_load_all((DEPLOY / path).read_text()))


def drain_s(text: str) -> int:
    """How long calls may go on, as a configuration says, read as the server does."""
    return parse(text).server.drain_s


def test_every_way_waits_longer_than_the_drain() -> None:
    """Else the last words of calls are cut off by whoever ends the service."""
    unit = (DEPLOY / "systemd" / "voiceserver.service").read_text()
    stop = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert stop is not None
    assert int(stop[1]) > drain_s("")
    (compose,) = documents("compose/compose.yaml")
    grace = compose["services"]["voiceserver"]["stop_grace_period"]
    config = (DEPLOY / "compose" / "voiceserver.toml").read_text()
    assert int(grace.removesuffix("s")) > drain_s(config)
    settings, deployment, _ = documents("kubernetes/voiceserver.yaml")
    pod = deployment["spec"]["template"]["spec"]
    longest = drain_s(settings["data"]["voiceserver.toml"])
    (container,) = pod["containers"]
    longest += container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > longest


def test_probes_ask_for_routes_that_there_are() -> None:
    """And at the port that is served."""
    _, deployment, _ = documents("kubernetes/voiceserver.yaml")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    routes = (ROOT / "voiceserver" / "server" / "routes").glob("*.py")
    served = "".join(path.read_text() for path in routes)
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container[probe]["httpGet"]
        assert f"``GET {asked['path']}``" in served
        assert asked["port"] == container["ports"][0]["name"]
    assert container["ports"][0]["containerPort"] == parse("").server.port


def test_services_start_the_command_that_there_is() -> None:
    """With a configuration that lies where it is looked for."""
    unit = (DEPLOY / "systemd" / "voiceserver.service").read_text()
    assert "voiceserver serve --config /etc/voiceserver/voiceserver.toml" in unit
    (compose,) = documents("compose/compose.yaml")
    service = compose["services"]["voiceserver"]
    _, deployment, _ = documents("kubernetes/voiceserver.yaml")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    for words in (service["command"], container["args"]):
        assert words == ["serve", "--config", "/etc/voiceserver/voiceserver.toml"]
    mounted = [volume.split(":") for volume in service["volumes"]]
    for source, target, _ in mounted:
        assert (DEPLOY / "compose" / source).exists()
        assert target == words[2]
    models = service["build"]["args"]["MODELS"].split()
    assert set(models) <= {model.name for model in MODELS}


def test_engines_are_the_version_that_is_installed_and_named_as_they_are() -> None:
    """Ray's pin, our image, and a token that all nodes share."""
    (cluster,) = documents("kubernetes/engines.yaml")
    spec = cluster["spec"]
    pins = (ROOT / "pyproject.toml").read_text()
    assert f'"ray[serve]=={spec["rayVersion"]}"' in pins
    _, deployment, _ = documents("kubernetes/voiceserver.yaml")
    (server,) = deployment["spec"]["template"]["spec"]["containers"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        assert container["image"] == server["image"]
        assert "RAY_AUTH_TOKEN" in {one["name"] for one in container["env"]}
    # The head holds no engine: it is not to die of one.
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    (worker,) = spec["workerGroupSpecs"]
    pool = parse("").cluster.speech
    grace = worker["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > pool.drain_s
    requests = worker["template"]["spec"]["containers"][0]["resources"]["requests"]
    assert float(requests["cpu"]) >= pool.cpus


def understood() -> list[tuple[str, Any]]:
    """What of the manifests Kubernetes itself reads, those of operators opened."""
    found = [(one["kind"], one) for one in documents("kubernetes/voiceserver.yaml")]
    (cluster,) = documents("kubernetes/engines.yaml")
    for group in (
        cluster["spec"]["headGroupSpec"],
        *cluster["spec"]["workerGroupSpecs"],
    ):
        pod = {"apiVersion": "v1", "kind": "Pod", "spec": group["template"]["spec"]}
        found.append(("Pod of engines", pod))
    (scaled,) = documents("kubernetes/autoscaling.yaml")
    spec = scaled["spec"]
    target = {"kind": "Deployment", "apiVersion": "apps/v1", **spec["scaleTargetRef"]}
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "spec": {
            "scaleTargetRef": target,
            "minReplicas": spec["minReplicaCount"],
            "maxReplicas": spec["maxReplicaCount"],
            **spec["advanced"]["horizontalPodAutoscalerConfig"],
        },
    }
    return [*found, ("autoscaler", autoscaler)]


@pytest.mark.parametrize(("name", "manifest"), understood())
def test_kubernetes_takes_the_manifests(name: str, manifest: Any) -> None:
    """Of two versions, by their schemas; what they do not know is a mistake."""
    for version in ("1.31", "1.37"):
        kubernetes_validate.validate(manifest, version, strict=True)
    wrong = {**manifest, "unheard": name}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.37", strict=True)


def test_there_are_more_servers_before_all_places_are_taken() -> None:
    """Below ``max_calls`` of each, by a metric that there is."""
    (scaled,) = documents("kubernetes/autoscaling.yaml")
    settings, deployment, _ = documents("kubernetes/voiceserver.yaml")
    assert scaled["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    (trigger,) = scaled["spec"]["triggers"]
    asked = _METRIC.findall(trigger["metadata"]["query"])
    assert {name for name, _ in asked} <= known().keys()
    places = parse(settings["data"]["voiceserver.toml"]).server.max_calls
    assert 0.5 * places <= float(trigger["metadata"]["threshold"]) < places


def test_an_image_is_built_from_arguments_that_are_explained() -> None:
    """Each is used, and docs/deploy.md names it."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    names = [line.split()[1].split("=")[0] for line in lines if line[:4] == "ARG "]
    used = "\n".join(line for line in lines if line[:4] == "RUN ")
    for name in names:
        assert f"${name}" in used
        assert name in (ROOT / "docs" / "deploy.md").read_text()


@pytest.mark.parametrize("name", ["voiceserver", "voiceserver-ray"])
def test_systemd_takes_the_unit(tmp_path: Path, name: str) -> None:
    """Its own verdict, with a program in the place of the server."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = (DEPLOY / "systemd" / f"{name}.service").read_text()
    here = re.sub(r"/opt/voiceserver/.venv/bin/\w+", "/bin/true", unit)
    (tmp_path / f"{name}.service").write_text(here)
    verdict = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / f"{name}.service"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert verdict.returncode == 0
    assert f"{name}.service" not in verdict.stderr  # others may be complained of
