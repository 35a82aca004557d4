"""The page to explore maps, in JupyterLab in a real browser: run all cells, move alpha, see picture and score, save."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from black_average_drop.files import NOTEBOOKS

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# Without these Chromium looks up its maker's hosts at every start.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: install Debian's package chromium")

PATIENCE = 180_000  # milliseconds: JupyterLab starts slowly next to other work


@pytest.fixture
def address(tmp_path, small_model, generator):
    """JupyterLab on 127.0.0.1 with its own token, the notebook before it, a model and four images in a folder."""
    small_model.save(tmp_path / "model.keras")
    for name in "abcd":
        pixels = generator.integers(0, 256, (32, 32, 3)).astype("uint8")
        Image.fromarray(np.kron(pixels[::8, ::8], np.ones((8, 8, 1), "uint8"))).save(tmp_path / f"{name}.png")
    (tmp_path / "images").mkdir()
    for path in tmp_path.glob("*.png"):
        path.rename(tmp_path / "images" / path.name)
    notebook = json.loads((NOTEBOOKS / "explore.ipynb").read_text())
    (cell,) = [one for one in notebook["cells"] if "parameters" in one["metadata"].get("tags", [])]
    source = "".join(cell["source"])
    source = re.sub(r"^model = .*", f"model = {str(tmp_path / 'model.keras')!r}", source, flags=re.M)
    source = re.sub(r'^images = ""', f"images = {str(tmp_path / 'images')!r}", source, flags=re.M)
    cell["source"] = re.sub(r"^saved = .*", f"saved = {str(tmp_path / 'saved')!r}", source, flags=re.M)
    (tmp_path / "explore.ipynb").write_text(json.dumps(notebook))

    environment = os.environ | {"JUPYTER_PREFER_ENV_PATH": "1", "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    environment |= {"JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "s")}
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--ip=127.0.0.1", "--ServerApp.port=0"]
    command += [f"--ServerApp.root_dir={tmp_path}", "--allow-root"]
    with open(tmp_path / "lab.log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield _address(tmp_path / "runtime", server, tmp_path / "lab.log")
    finally:
        server.terminate()
        server.wait(30)


def _address(runtime, server, log):
    for _ in range(240):
        for path in runtime.glob("jpserver-*.json"):
            running = json.loads(path.read_text())
            assert running["token"] and running["hostname"] == "127.0.0.1"
            return f"http://127.0.0.1:{running['port']}/lab/tree/explore.ipynb?token={running['token']}"
        assert server.poll() is None, log.read_text()[-2000:]
        time.sleep(0.25)
    raise TimeoutError(log.read_text()[-2000:])


def test_what_people_do_at_the_page_changes_it_and_is_saved(address, tmp_path):
    from playwright.sync_api import expect, sync_playwright

    errors = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=QUIET)
        page = browser.new_page(viewport={"width": 1400, "height": 1200})
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(address)
        expect(page.locator(".jp-Notebook h1", has_text="Explore maps by hand")).to_be_visible(timeout=PATIENCE)
        # Cells that are run before the kernel is there stay as they are, without a word.
        expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible(timeout=PATIENCE)
        page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
        page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
        blackened = page.locator("figure", has_text="of the pixels left (BAD)").first
        expect(blackened).to_be_visible(timeout=PATIENCE)
        # The words of the page itself: what counts as visible changes while JupyterLab scrolls to another cell.
        expect(blackened).to_contain_text(re.compile(r"20 % of the pixels.*O = [\d.]+"), timeout=PATIENCE)
        before = blackened.text_content(), blackened.locator("img").get_attribute("src")
        handle = page.locator(".widget-slider", has_text="alpha").get_by_role("slider")
        handle.focus()
        for _ in range(30):
            handle.press("ArrowRight")
        expect(blackened).to_contain_text("50 % of the pixels", timeout=PATIENCE)
        after = blackened.text_content(), blackened.locator("img").get_attribute("src")
        assert before[1] != after[1]
        assert re.search(r"O = ([\d.]+)", before[0])[1] != re.search(r"O = ([\d.]+)", after[0])[1]
        first = page.get_by_role("button", name="2", exact=True)
        first.click()
        expect(page.locator("p", has_text="b.png")).to_be_visible(timeout=PATIENCE)
        images = page.locator(".widget-slider", has_text="image").get_by_role("slider")
        images.focus()
        images.press("ArrowRight")
        expect(page.locator("p", has_text="c.png")).to_be_visible(timeout=PATIENCE)
        curve = page.get_by_role("img", name=re.compile("against alpha"))
        expect(curve).to_be_visible(timeout=PATIENCE)
        before = curve.inner_html()
        page.locator(".widget-dropdown", has_text="next to it").locator("select").select_option("Grad-CAM++")
        expect(page.locator("figure", has_text="CAM minus Grad-CAM++")).to_be_visible(timeout=PATIENCE)
        assert curve.inner_html() != before
        for name in ("most apart", "save as PNG"):
            page.get_by_role("button", name=name).click()
        expect(page.locator(".widget-html", has_text="saved: ")).to_be_visible(timeout=PATIENCE)
        browser.close()
    assert not errors
    (saved,) = (tmp_path / "saved").glob("*.png")
    with Image.open(saved) as picture:
        assert picture.width > 1000 and re.fullmatch(r"image-\d_.+_CAM_Grad-CAM\+\+_alpha-0\.50\.png", saved.name)
