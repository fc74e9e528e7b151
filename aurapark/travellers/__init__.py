"""What a signed-in traveller owns: their trips, guest bookings they bring along, their data and its end."""
