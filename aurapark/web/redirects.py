"""Where a wish in an address may lead: to a page of this site, never to another one."""

from urllib.parse import unquote, urlsplit

HOME = "/"
LONGEST = 2000


def safe_next(wish: str | None, otherwise: str = HOME) -> str:
    r"""Return the wished address when it is a path on this site, else `otherwise`.

    A path begins with one slash that neither a slash nor a backslash follows (browsers read both as the start of
    a host), and holds no control characters (browsers drop them and read on). The rule must hold for the wish as
    the form or the query gave it, and decoded once more.
    """
    if not wish or len(wish) > LONGEST:
        return otherwise
    return wish if all(_is_own(text) for text in (wish, unquote(wish))) else otherwise


def _is_own(text: str) -> bool:
    if text[:1] != "/" or text[1:2] in ("/", "\\") or "\\" in text or not text.isprintable():
        return False
    path = text.partition("?")[0].partition("#")[0]
    return "//" not in path and not urlsplit(text).netloc
