"""The stories of one sale: hold, pay, confirm, expire, release."""
