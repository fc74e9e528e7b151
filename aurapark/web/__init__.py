"""The shell of the site: blueprints, error pages, headers, language, visitors."""
