"""Who is asking, for the pages of a sale: the visitor of this browser, and the account when somebody is signed in.

Staff who book for themselves count as guests: what they book is in no account.
"""

from aurapark.accounts.access import current_identity
from aurapark.booking.access import Asker
from aurapark.booking.models import Channel
from aurapark.booking.service import Holder
from aurapark.web.language import choose_language
from aurapark.web.network import client_network
from aurapark.web.visitor import ensure_visitor, visitor_hash


def this_asker() -> Asker:
    """Return whose bookings may be opened: one statement for somebody signed in, none for a guest."""
    who = current_identity()
    return Asker(visitor_hash(), who.user_id if who else None)


def this_holder() -> Holder:
    """Return who is about to hold seats; a visitor without a token is given one."""
    who = current_identity()
    account = who.user_id if who and not who.is_staff else None
    return Holder(Channel.WEB, choose_language(), ensure_visitor(), client_network(), account)
