"""Run the sandbox as `python -m aurapark.devstack.sandbox`."""

from aurapark.devstack.sandbox.server import main

main()
