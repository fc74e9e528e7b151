"""SMS: where they go. The file sink writes one JSON file per message; a carrier's gateway is another sink."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from aurapark.notifications.errors import SinkDown
from aurapark.notifications.files import folder_of, write_whole


@dataclass(frozen=True, slots=True)
class Sms:
    """One SMS, ready to go: `text` is in the GSM alphabet and at most 160 characters long."""

    name: str
    to: str
    text: str
    message: str
    reference: str


@dataclass(frozen=True, slots=True)
class SmsFiles:
    """Writes each SMS into a folder as `{to, text, kind, bookingRef}`."""

    folder: Path

    @classmethod
    def at(cls, url: str) -> Self:
        """Return the sink that SMS_URL names."""
        return cls(folder_of(url))

    def send(self, sms: Sms) -> None:
        """Write the file; the same message again replaces it. Raises SinkDown."""
        content = {"to": sms.to, "text": sms.text, "kind": sms.message, "bookingRef": sms.reference}
        try:
            write_whole(self.folder, f"{sms.name}.json", json.dumps(content, ensure_ascii=False, indent=1).encode())
        except OSError as error:
            raise SinkDown(f"SMS folder: {type(error).__name__}") from error
