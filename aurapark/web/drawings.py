"""Gives templates what draws charts: `chart_columns`, `chart_rows` and `chart_load`; see `components/chart.html`."""

from flask import Flask

from aurapark.web.charts import columns, load_boxes, rows


def init_app(app: Flask) -> None:
    """Give templates the geometry of charts."""
    app.add_template_global(columns, "chart_columns")
    app.add_template_global(rows, "chart_rows")
    app.add_template_global(load_boxes, "chart_load")
