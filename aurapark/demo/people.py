"""The demo's people: fictional names that are awkward on purpose, their phones and e-mail addresses."""

from random import Random

from aurapark.fares.models import Category

FAMILY_NAMES = [
    "NGO BASSONG",
    "FRU",
    "TCHOUPO KAMGA",
    "N'DJOCK",
    "HAMADOU",
    "ETOUNDI ATANGANA",
    "ENOW-AGBOR",
    "MBIANDA TCHATCHOUANG",
    "AÏSSATOU",
    "NKENG",
    "OYONO MENDOME",
    "WIRBA",
]
GIVEN_NAMES = [
    "Marie-Noëlle",
    "Emmanuel Che",
    "Aimé-Césaire",
    "Élise",
    "Ousmanou Bello",
    "Jean de Dieu",
    "Precious",
    "Yvette Laure",
    "Djaïli",
    "Blaise",
    "Prisca",
    "Divine-Favour Lemnyuy",
]
ONE_NAME = "ABDOULAYE"
PHONES = [f"+237620000{number:03}" for number in range(1, 21)]
CATEGORIES = {Category.ADULT: 82, Category.YOUTH: 9, Category.CHILD: 7, Category.REDUCED_MOBILITY: 2}  # per cent, ours
WITH_MAIL = 0.4


def new_name(chance: Random) -> str:
    """Return a full name as on an ID."""
    if chance.random() < 1 / len(FAMILY_NAMES):
        return ONE_NAME
    return f"{chance.choice(FAMILY_NAMES)} {chance.choice(GIVEN_NAMES)}"


def new_category(chance: Random, *, with_adult: bool) -> Category:
    """Return a passenger category; the first of a party is grown up."""
    if not with_adult:
        return Category.ADULT
    return chance.choices(list(CATEGORIES), weights=list(CATEGORIES.values()))[0]


def new_payer(chance: Random, reference: str) -> tuple[str, str | None]:
    """Return a payer's phone in E.164 and, for some, an e-mail address."""
    email = f"{reference.lower()}@example.com" if chance.random() < WITH_MAIL else None
    return chance.choice(PHONES), email
