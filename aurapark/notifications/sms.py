"""SMS: what one is, and the files that take it in development. A provider's adapter stands beside this module."""

import json
from dataclasses import dataclass
from pathlib import Path

from aurapark.notifications.errors import SinkDown
from aurapark.notifications.files import write_whole


@dataclass(frozen=True, slots=True)
class Sms:
    """One SMS, ready to go: `text` is in the GSM alphabet and at most 160 characters long.

    `name` is the same whenever this message is tried; `number` is the row's in the outbox.
    """

    name: str
    number: int
    to: str
    text: str
    message: str
    reference: str


@dataclass(frozen=True, slots=True)
class SmsFiles:
    """Writes each SMS into a folder as `{to, text, kind, bookingRef}`."""

    folder: Path

    def send(self, sms: Sms) -> None:
        """Write the file; the same message again replaces it. Raises SinkDown."""
        content = {"to": sms.to, "text": sms.text, "kind": sms.message, "bookingRef": sms.reference}
        try:
            write_whole(self.folder, f"{sms.name}.json", json.dumps(content, ensure_ascii=False, indent=1).encode())
        except OSError as error:
            raise SinkDown(f"SMS folder: {type(error).__name__}") from error
