"""What is started listens to this machine alone, or to one private address."""

import re
import subprocess
from ipaddress import ip_address

from black_average_drop.files import ROOT
from source_lines import LIB, SCRIPTS, lines_with

# All that starts something, for a user or for CI.
STARTING = [*LIB, *SCRIPTS, *SCRIPTS[0].parent.glob("*.ipynb"), *(ROOT / ".devcontainer").iterdir()]
STARTING += [ROOT / "Makefile", ROOT / "postBuild", *(ROOT / ".ci").glob("*"), *(ROOT / ".github").rglob("*.yml")]


def test_nothing_listens_beyond_this_machine_and_no_token_is_turned_off():
    assert not lines_with(r"0\.0\.0\.0|\[::\]|--ip\b|\.ip\s*=|allow_origin|allow_remote|allow.root", STARTING)
    assert not lines_with(r"(?i)(token|password)\s*=\s*(''|\"\"|\s|$)|--no-token|disable_check_xsrf", STARTING)
    assert not lines_with(r"\.bind\(\(?[\"'](?!127\.0\.0\.1)|HTTPServer\(\([\"'](?!127\.0\.0\.1)", STARTING)
    assert lines_with(r"jupyter lab ", STARTING)


def test_jupyterlab_as_make_starts_it_is_on_localhost_with_a_token():
    from jupyter_server.auth.identity import PasswordIdentityProvider
    from jupyter_server.serverapp import ServerApp

    asked = subprocess.run(["make", "-n", "lab"], cwd=ROOT, capture_output=True, text=True).stdout
    assert re.findall(r"--([\w.-]+)", asked.split("jupyter lab")[1]) == ["notebook-dir", "LabApp.default_url"]
    server = ServerApp()
    assert server.ip == "localhost" and len(PasswordIdentityProvider(parent=server).token) >= 40


def test_dask_as_the_page_on_clusters_starts_it_listens_on_one_private_address_and_shows_no_dashboard():
    """That these options do so, test_workers.py sees."""
    page = (ROOT / "docs/cluster.md").read_text()
    lines = re.findall(r"^(?:python -m black_average_drop.artifact.allocator )?(dask .*)", page, re.MULTILINE)
    assert [line.split()[1] for line in lines] == ["scheduler", "worker"]
    for line in lines:
        assert ip_address(re.search(r" --host (\S+)", line)[1]).is_private
        assert " --no-dashboard --dashboard-address 127.0.0.1:0" in line
    slurm = page.split("SLURMCluster(")[1].split("```")[0]
    assert "interface=" in slurm and slurm.count("127.0.0.1:0") == 2 and "'dashboard': False" in slurm
    assert "'--no-dashboard'" in slurm and not lines_with(r"dask (scheduler|worker)(?! *--host)", LIB)
