"""Demo data: a fictional Cameroonian network with people on its buses, for development, tests and screenshots."""
