"""The demo's fares, by the rules of the order of February 2024 and of the demo file. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

PER_KM, STEP, LOWEST = 16, 500, 1000  # XAF
CHILD_STEP = 100
YOUTH_SIXTEENTHS, CHILD_SIXTEENTHS = 10, 8


@dataclass(frozen=True, slots=True)
class LegFare:
    """Prices of one seat on one leg, in XAF."""

    adult: int
    youth: int
    child: int
    reduced_mobility: int


def leg_fare(end_fares: Mapping[str, int], service_class: str, *, km: int, whole: bool) -> LegFare:
    """Return the fare of a leg of that many kilometres, from the fares end to end per class.

    A shorter leg costs 16 F a kilometre, at most the whole way and at least 1,000 F; VIP and VVIP keep the proportion
    of the end fares and have one price for everybody; youth and children pay 10 and 8 sixteenths of Classique.
    """
    end = end_fares["classique"]
    adult = end if whole else min(end, max(LOWEST, _up(PER_KM * km, STEP)))
    if service_class != "classique":
        price = end_fares[service_class] if whole else _up(end_fares[service_class] * adult / end, STEP)
        return LegFare(price, price, price, price)
    youth, child = (_up(adult * part / 16, CHILD_STEP) for part in (YOUTH_SIXTEENTHS, CHILD_SIXTEENTHS))
    return LegFare(adult, youth, child, child)


def _up(amount: float, step: int) -> int:
    return -int(-amount // step) * step
