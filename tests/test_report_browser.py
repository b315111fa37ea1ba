"""The page in a real browser, at the width of a phone and of a desk."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from byol_keras.report import Material, write_report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTHS = (360, 1200)
HOSTILE = "<script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">"

# Chromium has no windows narrower than 500 pixels: a frame stands in for the phone.
FRAME = """<!doctype html><style>body {{ margin: 0 }} iframe {{ border: 0; display: block }}</style>
<iframe id="frame" style="width: {width}px; height: 1600px" srcdoc="{page}"></iframe>
<script>
addEventListener("load", () => {{
  const page = document.getElementById("frame").contentDocument;
  const seen = [page.documentElement.scrollWidth, page.scripts.length, page.images.length,
                [...page.images].filter(image => image.naturalWidth == 0).length, page.title];
  document.title = JSON.stringify(seen);
}});
</script>"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


def browse(folder, width, *options):
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    profile = [f"--user-data-dir={folder / 'profile'}", f"--window-size={max(width, 500)},1600", "--hide-scrollbars"]
    address = (folder / f"frame-{width}.html").as_uri()
    return subprocess.run(
        [*command, *profile, *options, address], capture_output=True, text=True, timeout=120, check=True
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run with long names everywhere, and the page in a frame of each width."""
    folder = tmp_path_factory.mktemp("browser")
    long, generator = "long_name_without_a_break" * 9, np.random.default_rng(0)
    rows = [
        {"representation": name, "judge": judge, "accuracy": share, "low": share - 0.1, "high": share + 0.1}
        for name, share in (("raw pixels", 0.3), ("untrained", 0.3), ("online", 0.8), (long, 0.5))
        for judge in ("knn", "linear", "linear 1%", "linear 10%", "fine-tuned 10%")
    ]
    (folder / "evaluation.json").write_text(json.dumps({"rows": rows}))
    lines = [{"step": 1000 * i, "loss": 1 / (i + 1), "target_std": 0.8, "knn_accuracy": 0.3} for i in range(50)]
    (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (folder / "skipped.txt").write_text(f"{long}{HOSTILE}\t{long}\n")
    (folder / "config.yaml").write_text(f"data: {long}\nencoder: {long}\n")
    pictures = generator.integers(0, 256, (30, 8, 8, 3), dtype="uint8")
    labels, names = np.arange(30) % 12, [f"{i}{HOSTILE}{long}" for i in range(30)]
    sample = Material(pictures, generator.normal(size=(30, 4)), labels, (long,) * 12, names, (pictures, pictures))
    page = Path(write_report(folder, sample, title=long, environment={long: HOSTILE})).read_text()
    for width in WIDTHS:
        (folder / f"frame-{width}.html").write_text(FRAME.format(width=width, page=html.escape(page)))
    return folder


@pytest.mark.parametrize("width", WIDTHS)
def test_page__fits_the_width_and_runs_no_script(folder, width):
    dump = browse(folder, width, "--dump-dom").stdout
    seen = json.loads(html.unescape(re.search("<title>(.*?)</title>", dump)[1]))
    needed, scripts, images, unreadable, title = seen
    assert needed == width
    assert scripts == 0
    assert title.endswith("BYOL run")
    assert images == 8 * 9 + 24
    assert unreadable == 0


@pytest.mark.parametrize("width", WIDTHS)
def test_page__is_drawn_in_light_and_dark(folder, width):
    brightness = []
    for scheme in ("1", "0"):
        shot = folder / f"{width}-{scheme}.png"
        browse(folder, width, f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={shot}")
        pixels = np.asarray(Image.open(shot).convert("L"))[:, :width]
        assert pixels.std() > 5, "an empty page"
        brightness.append(np.median(pixels))
    assert brightness[0] > 230
    assert brightness[1] < 60
