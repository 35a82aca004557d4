"""Are there known vulnerabilities in requirements.lock? Asks pip-audit, which asks the Python Package Index.

Exits with 1 if there is one, and with 0 and a note if the advisories cannot be had: a build must not fail for want of a
network, nor may it pass for audited when nothing was.
"""

import json
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSION = "2.10.1"
MINUTES = 5  # for the whole audit; then the network is taken for absent
NOT_AUDITED = "NOTE: requirements.lock was not audited"


def verdict(report, reason=""):
    """(exit code, text) of pip-audit's JSON report as a dict, or of None and the reason why there is none."""
    if report is None:
        return 0, f"{NOT_AUDITED}: {reason or 'pip-audit gave no answer'}."
    packages = report["dependencies"]
    unknown = [one["name"] for one in packages if "skip_reason" in one]
    found = [
        f"{one['name']} {one['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for one in packages
        for flaw in one.get("vulns", ())
    ]
    if found:
        return 1, "\n".join(["Known vulnerabilities in requirements.lock:", *found])
    if len(unknown) == len(packages):
        return 0, f"{NOT_AUDITED}: the advisories of none of its {len(packages)} packages can be had here."
    text = f"No known vulnerability in {len(packages) - len(unknown)} packages of requirements.lock."
    return 0, text + (f"\nNOTE: no advisories could be had of {', '.join(unknown)}." if unknown else "")


def audit(folder):
    """The report of pip-audit, installed into an environment of its own in the folder, or None; and the reason."""
    python, report = folder / "bin/python", folder / "report.json"
    install = [python, "-m", "pip", "install", "--quiet", f"pip-audit=={VERSION}"]
    ask = [python, "-m", "pip_audit", "--requirement", ROOT / "requirements.lock", "--disable-pip", "--require-hashes"]
    ask += ["--progress-spinner", "off", "--timeout", "15", "--format", "json", "--output", report]
    try:
        report.unlink(missing_ok=True)
        venv.create(folder, with_pip=True)
        for command in (install, ask):
            done = subprocess.run(command, timeout=60 * MINUTES, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        return None, f"no answer within {MINUTES} minutes"
    except (OSError, subprocess.CalledProcessError):
        return None, "no environment can be made for pip-audit"
    try:
        return json.loads(report.read_text()), ""
    except (OSError, ValueError):  # there is no report: pip-audit is not installed, or has not reached the index
        return None, (done.stderr.strip().splitlines() or [""])[-1].rstrip(".")


if __name__ == "__main__":
    code, text = verdict(*audit(ROOT / "build/audit"))
    print(text, flush=True)
    sys.exit(code)
