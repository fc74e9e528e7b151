"""`next` leads to a page of this site or home."""

import pytest

from aurapark.web.redirects import safe_next

FOREIGN = [
    "https://evil.example/",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\n//evil.example",
    "/%2f/evil.example",
    "/%5cevil.example",
    "/%09/evil.example",
    "/.//evil.example",
    "javascript:alert(1)",
    "evil.example",
    "@evil.example",
    "/bookings\r\nSet-Cookie: a=b",
    "/bookings%0d%0aSet-Cookie:a=b",
    "/\u2028/evil.example",
    "/" + "a" * 2000,
    "",
    None,
]
OWN = [
    "/",
    "/trips?from=DLA&to=YAO&date=2026-12-30",
    "/bookings/K7M3PX#tickets",
    "/account?next=https://elsewhere.example/",
    "/t/Étoile",
    "/%C3%A9toile",
    "/100%25",
]


@pytest.mark.parametrize("wish", FOREIGN)
def test_a_foreign_address_leads_home(wish: str | None) -> None:
    assert safe_next(wish) == "/"
    assert safe_next(wish, "/account") == "/account"


@pytest.mark.parametrize("wish", OWN)
def test_a_page_of_ours_is_kept(wish: str) -> None:
    assert safe_next(wish) == wish
