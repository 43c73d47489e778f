"""Takes the README's picture of the real asset graph with headless Chromium.

Run after `make demo`: .venv/bin/python docs/screenshot.py [--out docs/asset_graph.png]
Serves this checkout's definitions on a free loopback port, opens the lineage with every group
expanded, and writes the picture. Needs a `chromium` on the PATH.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import rooney_assets.assets  # noqa: F401  (importing it fills the registry)
from rooney_assets.graph.declaration import ASSETS
from rooney_assets.provenance import ROOT
from rooney_assets.settings import Settings

READY = "Serving dagster-webserver"
CHROMIUM = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--virtual-time-budget=30000",
)


def main() -> None:
    """Serve, look, write, stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "asset_graph.png")
    parser.add_argument("--size", default="2800,1700")
    parser.add_argument("--path", default=None, help="another page of the UI")
    arguments = parser.parse_args()
    browser = shutil.which("chromium")
    if browser is None:
        sys.exit("chromium is not on the PATH; install it, for example apt-get install chromium")
    groups = sorted({asset.group for asset in ASSETS.values()})
    expanded = ",".join(f"global@global:{group}" for group in groups)
    page = arguments.path or f"/asset-groups?expanded={expanded}"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = serve(port)
    try:
        wait_until_ready(server)
        look(browser, f"http://127.0.0.1:{port}{page}", arguments.out, arguments.size)
    finally:
        server.terminate()
        server.wait()
    print(arguments.out)


def serve(port: int) -> subprocess.Popen[str]:
    """The webserver over the settings' instance."""
    settings = Settings.from_environment(os.environ)
    settings.state.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **settings.as_environment(), "DAGSTER_HOME": str(ROOT)}
    command = [str(Path(sys.executable).parent / "dagster-webserver"), "-w", "workspace.yaml"]
    return subprocess.Popen(
        [*command, "-h", "127.0.0.1", "-p", str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_until_ready(server: subprocess.Popen[str]) -> None:
    """Return when the server says that it serves."""
    assert server.stdout is not None
    for line in server.stdout:
        if READY in line:
            return
    sys.exit("the webserver ended before it served")


def look(browser: str, url: str, out: Path, size: str) -> None:
    """Write a picture of the page."""
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, *CHROMIUM, f"--user-data-dir={profile}", f"--window-size={size}"]
        subprocess.run(
            [*command, f"--screenshot={out}", url], check=True, capture_output=True, timeout=180
        )


if __name__ == "__main__":
    main()
