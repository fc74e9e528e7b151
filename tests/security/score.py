"""Mozilla Observatory's score of one answer, computed offline.

The modifiers are those of `SCORE_TABLE` in mdn/mdn-http-observatory, src/grader/charts.js, commit 01b4711 (read on 23
November 2026), which https://developer.mozilla.org/en-US/observatory/docs/tests_and_scoring publishes: 100 points,
penalties first, bonuses only from 90 on. What cannot be seen in one answer counts nothing: the redirect from http to
https belongs to the proxy, preloading to the browsers' list.
"""

from collections.abc import Mapping, Sequence

HALF_A_YEAR = 15_768_000
PRIVATE = {"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"}
BONUS_FROM = 90


def score(headers: Mapping[str, str], cookies: Sequence[str]) -> int:
    """Return the score of an answer over https with these headers and Set-Cookie lines."""
    modifiers = [
        _policy(headers.get("Content-Security-Policy", "")),
        _cookies(cookies),
        _transport(headers.get("Strict-Transport-Security", "")),
        5 if headers.get("Referrer-Policy") in PRIVATE else 0,
        0 if headers.get("X-Content-Type-Options") == "nosniff" else -5,
        _frames(headers),
        10 if headers.get("Cross-Origin-Resource-Policy") in ("same-origin", "same-site") else 0,
        -50 if "Access-Control-Allow-Origin" in headers else 0,
    ]
    base = 100 + sum(one for one in modifiers if one < 0)
    return base + sum(one for one in modifiers if one > 0) if base >= BONUS_FROM else max(0, base)


def directives(policy: str) -> dict[str, list[str]]:
    """Return the directives of a policy with their sources."""
    parts = [part.split() for part in policy.split(";") if part.strip()]
    return {part[0]: part[1:] for part in parts}


def _policy(policy: str) -> int:
    if not policy:
        return -25
    found = directives(policy)
    everything = [source for sources in found.values() for source in sources]
    scripts = found.get("script-src", found.get("default-src", ["*"]))
    if {"'unsafe-inline'", "data:", "https:", "*"} & set(scripts):
        return -20
    if any(source.startswith("http:") for source in everything):
        return -20
    if {"'unsafe-inline'", "data:", "https:"} & set(found.get("style-src", [])):
        return 0
    own_forms = found.get("form-action") and set(found["form-action"]) <= {"'none'", "'self'"}
    return 10 if found.get("default-src") == ["'none'"] and own_forms else 5


def _cookies(cookies: Sequence[str]) -> int:
    worst = 5 if cookies else 0
    for cookie in cookies:
        flags = {flag.strip().lower() for flag in cookie.split(";")[1:]}
        if "secure" not in flags:
            worst = min(worst, -10)
        if "httponly" not in flags:
            worst = min(worst, -30)
        if not flags & {"samesite=lax", "samesite=strict"}:
            worst = min(worst, 0)
    return worst


def _transport(header: str) -> int:
    age = next((part.split("=")[1] for part in header.replace(" ", "").split(";") if part.startswith("max-age=")), "")
    if not age.isdigit():
        return -20
    return 0 if int(age) >= HALF_A_YEAR else -10


def _frames(headers: Mapping[str, str]) -> int:
    if "frame-ancestors" in directives(headers.get("Content-Security-Policy", "")):
        return 5
    return 0 if headers.get("X-Frame-Options") in ("DENY", "SAMEORIGIN") else -20
