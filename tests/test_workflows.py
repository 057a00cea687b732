"""What the workflows ask for is there: targets of the Makefile, files, versions of Python; and the oldest versions."""

import re
from pathlib import Path

import oldest
import pytest
import site_metadata
import yaml
from _ext import repository
from packaging.specifiers import SpecifierSet
from test_house import PROJECT, requirements

ROOT = Path(__file__).parents[1]
PYTHON = SpecifierSet(PROJECT["requires-python"])
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOWS = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / ".github" / "workflows").iterdir())}


def asked_of_make(job: dict) -> list[str]:
    """The targets that a job's steps make; one that stands in the matrix is looked up there."""
    words = [word for step in job["steps"] for line in re.findall(r"(?m)^make +(.+)$", step.get("run", ""))
             for word in line.replace("${{ matrix.target }}", "MATRIX").split()]  # fmt: skip
    return [
        target for word in words for target in (job["strategy"]["matrix"]["target"] if word == "MATRIX" else [word])
    ]


def complaints(text: str, makefile: str) -> list[str]:
    """What a workflow asks for that is not there.

    Raises:
        yaml.YAMLError: if it is no YAML.
    """
    targets = set(re.findall(r"(?m)^([\w-]+):(?!=)", makefile))
    settings = set(re.findall(r"(?m)^([A-Z_]+) \?=", makefile)) | {site_metadata.VARIABLE, repository.VARIABLE}
    jobs, found = yaml.safe_load(text)["jobs"], []
    for name, job in jobs.items():
        steps = job["steps"]
        commands = "\n".join(step.get("run", "") for step in steps)
        found += [f"{name} needs {other}, which is no job" for other in {job.get("needs", name)} - set(jobs)]
        found += [f"{name}: make has no target {target}" for target in asked_of_make(job) if target not in targets]
        found += [f"{name}: there is no {f}" for f in re.findall(r"python (\S+)", commands) if not (ROOT / f).exists()]
        found += [f"{name}: {step['uses']} has no version" for step in steps if "@v" not in step.get("uses", "@v")]
        known = {variable for part in (job, *steps) for variable in part.get("env", {})}
        found += [f"{name}: nothing reads {variable}" for variable in sorted(known - settings)]
        for case in job.get("strategy", {}).get("matrix", {}).get("include", ()):
            file = case["constraints"]
            found += [f"{name}: no Python {case['python']}"] * (case["python"] not in PYTHON)
            found += [f"{name}: there is no {file}"] * (f"> {file}" not in commands and not (ROOT / file).exists())
    return found


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflow_asks_for_what_is_there(name):
    assert complaints(WORKFLOWS[name], MAKEFILE) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("run: make book", "run: make boook"),
        ("make test", "make tests"),
        ("tests/oldest.py", "tests/old.py"),
        ("actions/checkout@v4", "actions/checkout"),
        ("needs: check", "needs: checks"),
        ("BOOK_SITE", "BOOK_ADDRESS"),
        ('python: "3.11", constraints: constraints.txt', 'python: "3.1", constraints: constraints.txt'),
        ("constraints: oldest.txt", "constraints: older.txt"),
    ],
)
def test_wrong_workflow_is_noticed(right, wrong):
    assert right in WORKFLOWS["ci.yml"]
    assert complaints(WORKFLOWS["ci.yml"].replace(right, wrong), MAKEFILE)


def test_target_of_a_matrix_is_looked_up():
    assert complaints(WORKFLOWS["weekly.yml"].replace("[faults, links]", "[faults, chains]"), MAKEFILE)


def test_both_systems_both_ends_of_python_and_of_the_versions_are_tried():
    """Those that inform may fail; the site is published when the others have passed."""
    jobs = yaml.safe_load(WORKFLOWS["ci.yml"])["jobs"]
    cases = jobs["check"]["strategy"]["matrix"]["include"]
    assert {case["os"].split("-")[0] for case in cases if not case.get("informs")} == {"ubuntu", "macos"}
    assert {case["constraints"] for case in cases} == {"constraints.txt", "oldest.txt", "/dev/null"}
    least = PROJECT["requires-python"].removeprefix(">=")
    assert {case["python"] for case in cases if not case.get("informs")} == {least}
    assert max(tuple(map(int, case["python"].split("."))) for case in cases) > tuple(map(int, least.split(".")))
    runs = [step["run"] for step in jobs["check"]["steps"] if "run" in step]
    assert runs.index("make browser") < runs.index("make test")
    assert jobs["publish"]["needs"] == "check"
    assert yaml.safe_load(WORKFLOWS["ci.yml"])[True]["push"]["branches"] == ["main"]  # YAML takes `on` for true


def test_oldest_versions_are_the_lower_bounds_and_are_allowed():
    wanted = {requirement.name: requirement for requirement in requirements("book", "test")}
    pins = dict(pin.split("==") for pin in oldest.pins())
    assert pins.keys() == wanted.keys()
    for name, pin in pins.items():
        bound = next(s.version for s in wanted[name].specifier if s.operator == ">=")
        assert pin in (bound, f"{bound}.*")
        assert wanted[name].specifier.contains(pin.removesuffix(".*"))
    assert pins["numpy"] == "2.0.*"
