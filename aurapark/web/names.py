"""What things of the business are called on pages: stops, classes, passenger categories."""

from flask_babel import lazy_gettext as _l

from aurapark.fares.models import Category
from aurapark.fleet.models import ServiceClass
from aurapark.timetable.models import TripState
from aurapark.timetable.rules import StopOnTrip

CLASSES = {ServiceClass.CLASSIQUE: "Classique", ServiceClass.VIP: "VIP", ServiceClass.VVIP: "VVIP"}
CATEGORIES = {
    Category.ADULT: _l("Adult"),
    Category.YOUTH: _l("Youth, 11 to 21"),
    Category.CHILD: _l("Child, 8 to 10"),
    Category.REDUCED_MOBILITY: _l("Reduced mobility"),
}
TRIP_STATES = {
    TripState.SCHEDULED: _l("planned"),
    TripState.BOARDING: _l("boarding"),
    TripState.DEPARTED: _l("departed"),
    TripState.COMPLETED: _l("arrived"),
    TripState.CANCELLED: _l("does not run"),
}


def stop_name(stop: StopOnTrip) -> str:
    """Return city and stop, `Douala, Akwa`."""
    return f"{stop.city}, {stop.name}"


def class_name(service_class: str) -> str:
    """Return the name of a class of bus."""
    return CLASSES[ServiceClass(service_class)]


def category_name(category: Category) -> str:
    """Return the name of a passenger category."""
    return str(CATEGORIES[category])


def trip_state(state: TripState) -> str:
    """Return what a state of a trip is called."""
    return str(TRIP_STATES[state])
