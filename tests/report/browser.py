"""Chromium without a window, steered by its driver over WebDriver: HTTP and JSON, nothing more."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["Browser", "open_browser", "tell_what_is_missing"]

_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # no name is found: the page has what it shows
    "--hide-scrollbars",
)  # fmt: skip
_STARTED: Final = re.compile(r"started successfully on port (\d+)")
_KEYS: Final = {"Tab": "\\ue004", "Enter": "\\ue007"}


def tell_what_is_missing() -> str | None:
    """Return why no browser can be steered here; None where one can."""
    if _find_browser() is None:
        return "no Chromium on the path"
    return None if shutil.which("chromedriver") else "no chromedriver on the path"


def _find_browser() -> str | None:
    return next((found for name in _BROWSERS if (found := shutil.which(name))), None)


@dataclass(frozen=True, slots=True)
class Browser:
    """A session: each method is a command of WebDriver (W3C, 2018)."""

    address: str

    def ask(self, method: str, path: str, facts: Mapping[str, Any] | None = None) -> Any:
        """Send a command, and return its value."""
        body = None if facts is None else json.dumps(facts).encode()
        request = urllib.request.Request(f"{self.address}{path}", body, method=method)  # noqa: S310
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=200) as answer:  # noqa: S310
                return json.load(answer)["value"]
        except urllib.error.HTTPError as fault:
            raise AssertionError(json.load(fault)["value"]["message"]) from None

    def show(self, page: Path, *, width: int, dark: bool = False) -> None:
        """Open a file in a view of some width."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.command("Emulation.setEmulatedMedia", {"features": scheme})
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", size)
        self.ask("POST", "/url", {"url": page.resolve().as_uri()})

    def run(self, script: str) -> Any:
        """Return what a function body returns in the page."""
        return self.ask("POST", "/execute/sync", {"script": script, "args": []})

    def press(self, *keys: str) -> None:
        """Press keys one after another, with whatever has the focus."""
        actions = [
            {"type": kind, "value": _KEYS.get(key, key).encode().decode("unicode_escape")}
            for key in keys
            for kind in ("keyDown", "keyUp")
        ]
        keyboard = {"type": "key", "id": "keyboard", "actions": actions}
        self.ask("POST", "/actions", {"actions": [keyboard]})

    def print(self) -> bytes:
        """Return the page as a PDF on paper of A4."""
        paper = {"page": {"width": 21.0, "height": 29.7}}
        return base64.b64decode(self.ask("POST", "/print", paper))

    def command(self, name: str, facts: Mapping[str, Any]) -> Any:
        """Send a command of Chromium's own protocol."""
        return self.ask("POST", "/goog/cdp/execute", {"cmd": name, "params": dict(facts)})

    def read_faults(self) -> list[str]:
        """Return what the page has complained of so far."""
        entries = self.ask("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]


@contextlib.contextmanager
def open_browser() -> Iterator[Browser]:
    """Start a browser, and end it with its driver."""
    call = ["chromedriver", "--port=0"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=quiet, text=True) as driver:
        try:
            assert driver.stdout is not None
            started = next((m for line in driver.stdout if (m := _STARTED.search(line))), None)
            assert started is not None
            address = f"http://127.0.0.1:{started[1]}/session"
            wanted = {
                "goog:chromeOptions": {"binary": _find_browser(), "args": list(_ARGUMENTS)},
                "goog:loggingPrefs": {"browser": "ALL"},
            }
            capabilities = {"capabilities": {"alwaysMatch": wanted}}
            session = Browser(address).ask("POST", "", capabilities)["sessionId"]
            browser = Browser(f"{address}/{session}")
            try:
                yield browser
            finally:
                browser.ask("DELETE", "")
        finally:
            driver.terminate()
