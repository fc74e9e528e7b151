"""Everything `make run` and the tests need around the application: embedded PostgreSQL and Valkey, the
supervisor of all processes, and the sandbox that plays the payment gateway. Never used in production."""
