"""A traveller without JavaScript: opens pages, reads them as strict HTML, fills forms and sends them."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import html5lib
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

SITE = "http://localhost"


@dataclass
class Page:
    """One answer: its status, headers and, for HTML, the parsed document. Parsing fails on invalid HTML."""

    response: TestResponse
    url: str
    root: ElementTree.Element = field(init=False)

    def __post_init__(self) -> None:
        if self.response.mimetype == "text/html":
            parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
            self.root = parser.parse(self.response.text)

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def text(self) -> str:
        """The words of the page, with plain spaces."""
        return " ".join("".join(self.one("body").itertext()).split())

    @property
    def title(self) -> str:
        return self.one("title").text or ""

    def one(self, path: str) -> ElementTree.Element:
        """The first element of that kind; fails when there is none."""
        found = self.root.find(f".//{path}")
        assert found is not None, f"no {path} on {self.url}"
        return found

    def all(self, path: str) -> list[ElementTree.Element]:
        return self.root.findall(f".//{path}")

    def form(self, action: str, containing: str = "") -> dict[str, Any]:
        """The fields of the form that posts there, as a browser would send them untouched."""
        for form in self.all("form"):
            if urlsplit(form.get("action", "")).path == action:
                fields = _fields(form)
                if not containing or containing in fields:
                    return fields
        raise AssertionError(f"no form to {action} on {self.url}")


@dataclass
class Traveller:
    """One browser with its cookies."""

    client: FlaskClient
    language: str = "en"

    def get(self, url: str, **headers: str) -> Page:
        """Open an address, following redirects on the site."""
        return self._follow(self.client.get(url, headers=self._headers(headers)), url)

    def post(self, url: str, fields: dict[str, Any], *, follow: bool = True, **headers: str) -> Page:
        """Send a form as the site's own page does."""
        sent = self.client.post(url, data=fields, headers=self._headers({"Origin": SITE, **headers}))
        return self._follow(sent, url) if follow else Page(sent, url)

    def _follow(self, response: TestResponse, url: str) -> Page:
        for _ in range(5):
            target = urlsplit(response.headers.get("Location", ""))
            if response.status_code not in (301, 302, 303, 307, 308) or (
                target.netloc and target.netloc != "localhost"
            ):
                break
            url = target.path + (f"?{target.query}" if target.query else "")
            response = self.client.get(url, headers=self._headers({}))
        return Page(response, url)

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return {"Accept-Language": self.language, **{name.replace("_", "-"): value for name, value in more.items()}}


def _fields(form: ElementTree.Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for control in form.iter():
        name, value = control.get("name"), control.get("value", "")
        if not name or control.tag not in ("input", "select", "textarea"):
            continue
        if control.tag == "select":
            options = control.findall(".//option")
            chosen = [option for option in options if option.get("selected") is not None] or options[:1]
            found[name] = chosen[0].get("value", chosen[0].text)
        elif control.get("type") not in ("checkbox", "radio"):
            found[name] = value
        elif control.get("checked") is not None:
            found.setdefault(name, []).append(value)
    return found
