"""Workflows may only read, what they use is pinned, and packages are audited for vulnerabilities."""

import importlib.util
import json
import re
import subprocess

import pytest
import yaml

from black_average_drop.files import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_only_read_and_their_actions_are_pinned_by_commit(path):
    text = path.read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in workflow["jobs"].values())
    assert "pull_request_target" not in text and "secrets." not in text
    uses = re.findall(r"uses: *(.*)", text)
    assert uses and all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", one) for one in uses)
    checkouts = [
        step for job in workflow["jobs"].values() for step in job["steps"] if "checkout" in step.get("uses", "")
    ]
    assert checkouts and all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.fixture(scope="module")
def audit():
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci/audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FINE, UNKNOWN = {"name": "fine", "version": "1.0", "vulns": []}, {"name": "unknown", "skip_reason": "not found"}
FLAWED = {"name": "flawed", "version": "1.0", "vulns": [{"id": "PYSEC-2020-1", "fix_versions": ["1.1", "2.0"]}]}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([FINE, FLAWED, UNKNOWN], 1, "flawed 1.0: PYSEC-2020-1, mended in 1.1, 2.0"),
        ([FINE, FINE], 0, "No known vulnerability in 2 packages of requirements.lock."),
        ([FINE, UNKNOWN], 0, "NOTE: no advisories could be had of unknown."),
        ([UNKNOWN, UNKNOWN], 0, "NOTE: requirements.lock was not audited: the advisories of none of its 2 packages"),
    ],
)
def test_a_vulnerability_fails_the_build_and_what_was_not_audited_is_said(audit, packages, code, said):
    exit_code, text = audit.verdict({"dependencies": packages})
    assert exit_code == code and said in text
    assert ("No known vulnerability" in text) == (FINE in packages and FLAWED not in packages)


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ("raise SystemExit('ConnectionError: no route')", 0, "was not audited: ConnectionError: no route."),
        (
            f"open(report, 'w').write({json.dumps(json.dumps({'dependencies': [FLAWED]}))}); raise SystemExit(1)",
            1,
            "flawed",
        ),
    ],
)
def test_the_audit_is_what_pip_audit_reports_whatever_its_exit_code(audit, tmp_path, monkeypatch, asked, code, said):
    """With a pip-audit that answers as told."""
    run = subprocess.run

    def answers(command, **options):
        if "pip" in command:
            return None
        where = f"report = {str(command[command.index('--output') + 1])!r}\n"
        return run(["python3", "-c", where + asked], **options)

    monkeypatch.setattr(audit.venv, "create", lambda folder, with_pip: None)
    monkeypatch.setattr(audit.subprocess, "run", answers)
    exit_code, text = audit.verdict(*audit.audit(tmp_path))
    assert exit_code == code and said in text


@pytest.mark.parametrize("problem", [OSError("no room"), subprocess.CalledProcessError(1, "ensurepip")])
def test_what_keeps_an_environment_from_being_made_is_no_crash_of_the_audit(audit, tmp_path, monkeypatch, problem):
    def create(folder, with_pip):
        raise problem

    monkeypatch.setattr(audit.venv, "create", create)
    code, text = audit.verdict(*audit.audit(tmp_path))
    assert (code, text) == (0, f"{audit.NOT_AUDITED}: no environment can be made for pip-audit.")


def test_continuous_integration_audits_and_fails_by_it():
    script = (ROOT / ".ci/run").read_text()
    lines = [line for line in script.splitlines() if not line.startswith("#")]
    ends = ["audit=0", "python3 .ci/audit.py || audit=$?", "make test", "make test-torch", "make zoo"]
    assert lines[-6:] == [*ends, 'exit "$audit"']
