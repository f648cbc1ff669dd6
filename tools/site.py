"""Open the door `make serve` as a person would: wait for the page, look at it, and leave.

python tools/site.py
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_SECONDS = 120
PAGES = {"/": "<html", "/admin/login/": "csrfmiddlewaretoken"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def page(url: str) -> str:
    with urlopen(url, timeout=10) as response:  # noqa: S310 - an address built in this file
        return str(response.read().decode())


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Return as soon as somebody listens; what the page says is looked at afterwards."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            sys.exit(f"make serve ended by itself with status {server.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), 1):
                return
        except OSError:
            time.sleep(0.3)
    sys.exit(f"nothing listens at {url} after {PATIENCE_SECONDS} seconds")


def look_at(address: str) -> None:
    for path, wanted in PAGES.items():
        try:
            found = page(address + path)
        except URLError as error:
            sys.exit(f"{path}: {error}")
        if wanted not in found:
            sys.exit(f"{path}: {wanted!r} is not on the page")
        print(f"{path} answers, {len(found)} characters")


def main() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    port = address.rsplit(":", 1)[1]
    server = subprocess.Popen(
        ["make", "serve", f"PORT={port}"],
        cwd=ROOT,
        start_new_session=True,  # make, the reloader and the server end together
    )
    try:
        wait_for(address, server)
        look_at(address)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


if __name__ == "__main__":
    main()
