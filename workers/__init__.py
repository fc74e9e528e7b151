"""The processes behind the site: the RQ worker that is tapped on the shoulder, and the sweeper that needs nobody."""
