"""The RayJob of `w2v help cluster`: what KubeRay asks for is there, and what belongs together agrees."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pytest
import yaml

from w2v_cli.cli.main import COMMANDS


@pytest.fixture(scope="module")
def job() -> Any:
    """Return the manifest."""
    page = files("w2v_cli").joinpath("help/cluster.md").read_text()
    begin = page.index("    apiVersion: ray.io/v1")
    return yaml.safe_load(textwrap.dedent(page[begin : page.index("\n\n\n", begin)]))


def pods(job: Mapping[str, Any]) -> list[Any]:
    """Return what the pods of the head and of the workers are made from."""
    cluster = job["spec"]["rayClusterSpec"]
    return [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]


def test_it_has_what_a_rayjob_needs(job: Any) -> None:
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert set(job["spec"]) == {"entrypoint", "shutdownAfterJobFinishes", "rayClusterSpec"}
    cluster = job["spec"]["rayClusterSpec"]
    assert set(cluster["headGroupSpec"]) == {"rayStartParams", "template"}
    for group in cluster["workerGroupSpecs"]:
        assert set(group) == {
            "groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"
        }  # fmt: skip
        assert group["minReplicas"] == group["replicas"] == group["maxReplicas"]


def test_every_node_is_alike(job: Any) -> None:
    containers = [container for pod in pods(job) for container in pod["containers"]]
    assert len({container["image"] for container in containers}) == 1
    for container in containers:
        # Without a limit, Ray takes all processors of the machine for its own.
        assert container["resources"]["limits"] == container["resources"]["requests"]


def test_what_the_command_reads_and_writes_is_on_a_volume_of_the_head(job: Any) -> None:
    program, command, *arguments = shlex.split(job["spec"]["entrypoint"])
    assert program == "w2v" and command in COMMANDS
    paths = [argument for argument in arguments if argument.startswith("/")]
    head = pods(job)[0]
    mounts = {mount["name"]: mount["mountPath"] for mount in head["containers"][0]["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in head["volumes"]}
    assert paths and all(any(path.startswith(f"{mount}/") for mount in mounts.values()) for path in paths)
