"""Makes docs/static/cinema.png: the web application with the built-in cinema, after five films were rated.

    python docs/pictures/cinema.py

It needs the packages of the group ``test``, and Chromium.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sysconfig
import tempfile
import time
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

PICTURE = Path(__file__).parents[1] / "static" / "cinema.png"
ADDRESS = "http://127.0.0.1:8765"
STARS = {"Alien": "4.5", "Blade Runner": "5", "Casablanca": "2", "Toy Story": "3.5", "Psycho": "4"}
WIDTH, HEIGHT = 1120, 656
MOST_BYTES = 150_000


def wait_for_the_server() -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{ADDRESS}/ready").close()
            return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"no answer from {ADDRESS}")


def rate(page: Page, title: str, stars: str) -> None:
    """Search for the film and send stars, as a browser without scripts does."""
    page.goto(f"{ADDRESS}/search?q={title}")
    link = page.get_by_role("link", name=title, exact=True)
    film = page.locator("[data-region=found] .film").filter(has=link).first
    film.hover()
    film.locator(f"input[value='{stars}']").click()
    film.hover()
    film.get_by_role("button", name="Rate").click()
    page.wait_for_load_state()


def take() -> bytes:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        size = {"width": WIDTH, "height": HEIGHT}
        page = browser.new_context(java_script_enabled=False, viewport=size).new_page()  # type: ignore[arg-type]
        for title, stars in STARS.items():
            rate(page, title, stars)
        page.goto(ADDRESS)
        taken = page.screenshot()
        browser.close()
    return taken


def main() -> None:
    command = Path(sysconfig.get_path("scripts")) / "matinee"
    port = ADDRESS.rpartition(":")[2]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen([command, "serve", "--folder", folder, "--port", port])
        try:
            wait_for_the_server()
            taken = take()
        finally:
            server.terminate()
            server.wait()
    # A few hundred colours are as good as all, and take a quarter of the room.
    Image.open(io.BytesIO(taken)).convert("RGB").quantize(160).save(PICTURE, optimize=True)
    if PICTURE.stat().st_size > MOST_BYTES:
        raise ValueError(f"{PICTURE} has {PICTURE.stat().st_size:,} bytes; expected up to {MOST_BYTES:,}")


if __name__ == "__main__":
    main()
