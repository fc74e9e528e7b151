"""How long what bookings say about people is kept. The page /privacy says the same numbers.

What the law asks for tickets and lists of passengers is for counsel to confirm. The books keep amounts and ids.
"""

from datetime import timedelta

KEEP_NETWORK = timedelta(days=30)  # where a booking was held from: for limits, and to look into abuse
KEEP_UNPAID = timedelta(days=30)  # names and addresses of bookings nobody paid
KEEP_PAID = timedelta(days=3 * 365)  # names and addresses of bookings that were paid: claims and disputes
KEEP_EVENTS = timedelta(days=90)  # the text of what a gateway reported; that it did stays
