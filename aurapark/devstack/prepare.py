"""Make the database of a development site ready: its newest shape, and the demo data when it is empty.

One process for both: to start Python and import the application takes longer than the work.
"""

import sys

import click

from aurapark.cli import group


def main() -> None:
    """Run the two commands as a person would."""
    try:
        group(["db", "upgrade"], prog_name="aurapark", standalone_mode=False)
        group(["demo", "load", "--if-empty"], prog_name="aurapark", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
