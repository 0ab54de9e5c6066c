"""The workflows: few rights, pinned actions, programs of the checkout. `make lint` runs actionlint on them."""

import os
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
TEXTS = {path.name: path.read_text() for path in sorted(FOLDER.iterdir())}
WORKFLOWS: dict[str, dict[Any, Any]] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
JOBS = {(name, job): facts for name, workflow in WORKFLOWS.items() for job, facts in workflow["jobs"].items()}
ON = True  # what YAML 1.1 makes of the key `on`


def list_commands(workflow: str) -> list[str]:
    jobs = WORKFLOWS[workflow]["jobs"].values()
    return [step["run"] for job in jobs for step in job.get("steps", []) if "run" in step]


def test_a_push_and_a_pull_request_run_the_tests_and_a_tag_releases() -> None:
    assert set(WORKFLOWS) == {"test.yml", "release.yml"}
    assert set(WORKFLOWS["test.yml"][ON]) == {"push", "pull_request", "workflow_call"}
    assert WORKFLOWS["release.yml"][ON] == {"push": {"tags": ["v*"]}}
    release = WORKFLOWS["release.yml"]["jobs"]
    assert release["test"]["uses"] == "./.github/workflows/test.yml"
    assert release["client"]["needs"] == release["image"]["needs"] == "test"


def test_the_tests_are_those_of_the_readme() -> None:
    assert "make test" in list_commands("test.yml") and "`make test`" in (ROOT / "README.md").read_text()


def test_a_job_may_do_what_it_needs_and_no_more() -> None:
    written = {
        (job, right)
        for (_, job), facts in JOBS.items()
        for right, level in facts.get("permissions", {}).items()
        if level != "read"
    }
    assert written == {("client", "contents"), ("image", "packages")}
    assert WORKFLOWS["test.yml"]["permissions"] == {"contents": "read"}
    assert WORKFLOWS["release.yml"]["permissions"] == {}
    for text in TEXTS.values():
        assert set(re.findall(r"secrets\.(\w+)", text)) <= {"GITHUB_TOKEN"} and "pull_request_target" not in text
        assert text.count("actions/checkout@") == text.count("persist-credentials: false")


def test_an_action_is_pinned_by_its_commit() -> None:
    for text in TEXTS.values():
        for used in re.findall(r"uses: (.*)", text):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\./\.github/workflows/test\.yml", used), used


def test_a_job_ends_at_last_and_runs_where_actionlint_knows_it() -> None:
    for name, facts in JOBS.items():
        if "uses" not in facts:
            assert facts["runs-on"] == "ubuntu-latest" and facts["timeout-minutes"] <= 90, name


def test_its_programs_are_in_the_checkout() -> None:
    for text in TEXTS.values():
        for program in re.findall(r"(?<![\w/$.-])docker/[\w-]+(?=\s|$)", text):
            assert os.access(ROOT / program, os.X_OK), program
    assert "docker/try-out" in TEXTS["test.yml"] and "docker/make-secrets" in TEXTS["test.yml"]


def test_expressions_are_no_part_of_a_script() -> None:
    """A branch or tag of another person's choice would be run as a command."""
    for name in WORKFLOWS:
        assert [command for command in list_commands(name) if "${{" in command] == []
