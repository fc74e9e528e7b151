"""Cities, stops, routes, schedules and the trips they generate."""
