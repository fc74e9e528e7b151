"""The names and the one password of the demo's logins: `make run` prints them, and needs nothing else of the demo."""

DOMAIN = "demo.aurapark"
PASSWORD = "bus-de-nuit-237"  # noqa: S105  published on purpose: the demo never loads into production
LOGINS = (
    "traveller",
    "owner",
    "manager",
    "clerk",
    "boarding",
    "accountant",
    "owner2",
    "support",
    "finance",
    "finance2",
    "admin",
)


def email_of(login: str) -> str:
    """Return the e-mail address that a login signs in with."""
    return f"{login}@{DOMAIN}"
