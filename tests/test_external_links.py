"""The check of addresses outside of the documentation finds them, and tells dead ones apart."""

import importlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from documents import ROOT

sys.path.insert(0, str(ROOT / "docs"))
external_links = importlib.import_module("external_links")


class Site(BaseHTTPRequestHandler):
    """Answers by the number that the path names."""

    def do_GET(self):
        self.send_response(int(self.path.strip("/")))
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def site():
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_address_that_is_missing_or_never_answers_is_dead(site):
    assert external_links.failure(f"{site}/200") == ""
    assert external_links.failure(f"{site}/403") == ""
    assert "404" in external_links.failure(f"{site}/404")
    assert external_links.failure("http://127.0.0.1:9/") != ""


def test_addresses_end_where_the_text_goes_on(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "See [a](https://a.example/b), `https://c.example/d?e=1`, <https://f.example>.\n"
    )
    expected = ["https://a.example/b", "https://c.example/d?e=1", "https://f.example"]
    assert external_links.addresses([page]) == {address: ["page.md"] for address in expected}
