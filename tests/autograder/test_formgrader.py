"""The formgrader's pages with hostile hand-ins and names in them: nothing runs, and nothing calls anybody."""

from __future__ import annotations

import contextlib
import mimetypes
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from formgrader_kit import active, everything, hand_in, page, scrubbed, usual
from jinja2 import Environment, FileSystemLoader

from autograder.course import load_config

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = ('"><img src=x onerror=alert(1)>', '";alert(1);"', "</script><script>alert(1)</script>", "<b>x")
PAGES = ("manage_students_assignments.tpl", "manage_students_notebook_submissions.tpl", "manage_submissions.tpl",
         "gradebook_notebook_submissions.tpl")  # fmt: skip


@pytest.fixture
def handler():
    """nbgrader's handler as it is in a server that has read our configuration."""
    from nbgrader.server_extensions.formgrader import base, handlers

    stock = getattr(base.BaseHandler.render, "stock", base.BaseHandler.render)
    load_config()
    environment = Environment(loader=FileSystemLoader([handlers.template_path]))
    server = SimpleNamespace(settings={"nbgrader_jinja2_env": environment})
    yield SimpleNamespace(ours=base.BaseHandler.render, stock=stock, server=server)
    base.BaseHandler.render = stock


@pytest.mark.promise("and names are escaped in the formgrader's pages.")
@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_gets_out_of_its_place_in_the_page_of_a_hand_in(name):
    assert active(page(hand_in(), student=name)) - usual() == {}
    assert f'data-link="autograded/{name}' not in page(hand_in(), student=name)


@pytest.mark.promise("and names are escaped in the formgrader's pages.")
@pytest.mark.parametrize("template", PAGES)
def test_no_name_gets_out_of_its_place_in_the_other_pages(handler, template):
    def made(render, name):
        given = dict.fromkeys(("student_id", "assignment_id", "notebook_id", "course_dir"), name)
        return render(handler.server, template, base_url="", **given)

    taken_in = 0
    for name in HOSTILE:
        text = made(handler.ours, name)
        assert kinds(text) == kinds(made(handler.ours, "zoe"))
        assert name not in text
        taken_in += name in made(handler.stock, name)
    assert taken_in == len(HOSTILE)
    load_config()  # the formgrader reads it with each request
    assert made(handler.ours, "O'Brien & Søn") == made(handler.stock, "O'Brien & Søn")


def kinds(text: str) -> list[str]:
    """What is active in a page, whatever its addresses are."""
    return sorted(one.partition("=")[0] for one in active(text).elements())


class Site:
    """Serves pages with the formgrader's own scripts on the loopback, and notes all that is asked for besides."""

    def __init__(self) -> None:
        from nbgrader.server_extensions.formgrader import handlers

        self.pages: dict[str, str] = {}
        self.calls: list[str] = []
        site, static = self, Path(handlers.static_path)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                body, kind = b"[]", "application/json"
                if path in site.pages:
                    body, kind = site.pages[path].encode("utf-8", "replace"), "text/html"
                elif path.startswith("/formgrader/static/") and ".." not in path:
                    file = static / path.removeprefix("/formgrader/static/")
                    body = file.read_bytes() if file.is_file() else b""
                    kind = mimetypes.guess_type(path)[0] or "text/plain"
                elif path == "/mathjax.js":
                    body, kind = b"", "text/javascript"
                elif not path.startswith("/formgrader/api/") and path != "/favicon.ico":
                    site.calls.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


LEAVING = ("meta", "base", "form", "mutation", "noscript", "comment", "attachment", "nested", "closes-everything")
"""What ends the control's page before others have their turn."""

CLICK = """<script>window.addEventListener("load", () => setTimeout(() => {
  for (const e of document.querySelectorAll("#notebook-container a, #notebook-container b, summary"))
    if (!/^https?:/.test(e.href || "")) try { e.click() } catch (error) {}
  document.title = "clicked" }, 500))</script></body>"""


@pytest.mark.promise("look | the table, `reports/NAME.html`, `nbgrader formgrader`")
@pytest.mark.promise(
    "Nothing of a student's runs or loads there: HTML, and what is not plain formatting, stands in `autograded/` as "
    "the text that it is,"
)
@pytest.mark.skipif(not CHROMIUM, reason="no chromium or chrome to open the page in")
def test_a_browser_runs_and_loads_nothing_of_a_hand_in(site, tmp_path):
    """The formgrader's page with its own scripts, everything clicked; and, as a control, what was handed in."""
    to = f"{site.address}/hit"
    calls = {}
    control = everything(to, whole=False, without=LEAVING)
    for name, notebook in (("/page", scrubbed(everything(to, whole=False))), ("/control", control)):
        made = page(notebook)
        site.pages[name] = made.replace("</body>", CLICK) if name == "/page" else made
        site.calls.clear()
        done = subprocess.run(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--dump-dom",
             "--virtual-time-budget=4000", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
             f"--user-data-dir={tmp_path / name[1:]}", site.address + name],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        if "<body" not in done.stdout:
            pytest.skip("the browser does not start here")
        calls[name] = list(site.calls)
        assert name == "/control" or "<title>clicked" in done.stdout
    assert calls["/page"] == []
    heard = {call.rpartition("?")[2] for call in calls["/control"]}
    assert {"script", "onerror", "srcdoc", "image", "import", "mermaid", "ohtml", "ojavascript", "ofile"} <= heard
