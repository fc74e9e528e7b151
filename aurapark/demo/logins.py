"""The demo's logins, their one password and authenticator key: `make run` prints them, and needs nothing else of it."""

DOMAIN = "demo.aurapark"
PASSWORD = "bus-de-nuit-237"  # nosec B105  # noqa: S105  published on purpose: the demo never loads into production
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
WITH_FACTOR = ("owner", "manager", "owner2", "support", "finance", "finance2", "admin")  # their roles need one
AUTHENTICATOR_KEY = "AURAPARKDEMO23456777AURAPARKDEMO"  # published on purpose too


def email_of(login: str) -> str:
    """Return the e-mail address that a login signs in with."""
    return f"{login}@{DOMAIN}"
