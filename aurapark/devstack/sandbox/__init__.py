"""`aurapark sandbox`: a local Flutterwave v3 that charges nobody, written from the contract alone.

It shares nothing with the application: no code, no constants. What it can be made to do is in README.md here.
"""

from aurapark.devstack.sandbox.application import create_sandbox
from aurapark.devstack.sandbox.server import main, serve
from aurapark.devstack.sandbox.settings import Settings

__all__ = ["Settings", "create_sandbox", "main", "serve"]
