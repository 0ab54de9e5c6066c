"""A person with a browser: windows on the stack, and what happened in them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.stack import Stack
from tests.waiting import patience, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
# what the browser itself writes of an answer that the page deals with, or of a server that is gone
EXPECTED = ("Failed to load resource", "net::ERR_")


class Person:
    """Opens windows; `page` is the first one."""

    def __init__(self, browser: "Browser", stack: Stack, downloads: Path) -> None:
        self.stack = stack
        self.downloads = downloads
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page = self.open_window()

    def open_window(self, *, scripts: bool = True, url: str | None = None, **options: Any) -> "Page":
        """Another window, of another browser profile."""
        context = self._browser.new_context(
            base_url=url or self.stack.url,
            java_script_enabled=scripts,
            **{"viewport": {"width": 1280, "height": 900}, **options},
        )
        context.set_default_timeout(patience() * 1000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                message.type in ("error", "warning")
                and not any(text in message.text for text in EXPECTED)
                and self.complaints.append(message.text)
            ),
        )
        return page

    def leave(self) -> None:
        """Close all windows. Nothing may have gone outside, and no script may have failed or been refused."""
        for context in self._contexts:
            context.close()
        ours = (self.stack.url, "data:", "blob:", "about:")
        assert [url for url in self.requests if not url.startswith(ours)] == []
        assert self.complaints == []

    # --- what people do ---------------------------------------------------------------------------------------------

    def generate(self, rows: int, page: "Page | None" = None) -> str:
        """Start an import of generated rows by the form; returns its id, with its page open."""
        page = page or self.page
        page.goto("/")
        page.get_by_label("Or generate orders").fill(str(rows))
        page.get_by_role("button", name="Generate").click()
        return self.wait_for_import(page)

    def wait_for_import(self, page: "Page | None" = None) -> str:
        """The id of the import whose page opens."""
        page = page or self.page
        page.wait_for_url("**/imports/*")
        return page.url.rpartition("/")[2]

    def choose(self, name: str, content: bytes) -> None:
        """Choose a file in the form."""
        self.page.goto("/")
        self.page.get_by_label("Drop a file here").set_input_files(
            {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        )

    def wait_shown(self, state: str, page: "Page | None" = None) -> None:
        """Until the open import is shown in this state, in words."""
        (page or self.page).locator("article .badge").get_by_text(state, exact=True).wait_for()

    def figure(self, field: str, page: "Page | None" = None) -> str:
        """What the open import's page shows."""
        return (page or self.page).locator(f"article [data-f={field}]").first.inner_text()

    def wait_figure(self, field: str, text: str, page: "Page | None" = None) -> None:
        wait_for(lambda: self.figure(field, page) == text, f"{field} shows {text}")

    def check_safe(self, dialog: str, safe: str, page: "Page | None" = None) -> None:
        """The open dialog has its safe answer first and in focus, its irreversible one last; Escape closes it."""
        page = page or self.page
        asked = page.locator(dialog)
        first, *_, last = asked.get_by_role("button").all()
        assert first.inner_text() == safe and "danger" in (last.get_attribute("class") or "")
        assert page.evaluate("document.activeElement.textContent") == safe
        page.keyboard.press("Escape")
        asked.wait_for(state="hidden")

    # --- what is looked for ------------------------------------------------------------------------------------------

    def check_accessible(self, page: "Page | None" = None, *, colors_alone: bool = False) -> None:
        """Axe finds nothing; `colors_alone` where all else was looked at in other colours."""
        page = page or self.page
        if not page.evaluate("'axe' in window"):
            page.evaluate(AXE.read_text(encoding="utf-8"))
        rules = ", runOnly: ['cat.color']" if colors_alone else ""
        found = page.evaluate(f"axe.run(document, {{resultTypes: ['violations']{rules}}})")
        told = [
            [rule["help"], *(f"{node['html'][:150]} {node['failureSummary']}" for node in rule["nodes"][:3])]
            for rule in found["violations"]
        ]
        assert told == [], json.dumps(told, indent=1)

    def check_width(self, width: int, page: "Page | None" = None) -> None:
        """Nothing stands out of a window of this width."""
        page = page or self.page
        page.set_viewport_size({"width": width, "height": 800})
        wait_for(lambda: page.evaluate("document.documentElement.scrollWidth") <= width, f"{page.url} fits {width} px")
