"""What the platform's own people do: agencies, accounts, bookings read for support: pages under /admin, commands."""
