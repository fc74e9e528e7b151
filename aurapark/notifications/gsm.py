"""The GSM 7-bit alphabet (3GPP TS 23.038): what fits into one SMS of 160, and how other letters are written in it."""

import unicodedata

ONE_SMS = 160
BASIC = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = set("^{}\\[~]|€\f")  # each costs two characters
UNKNOWN = "?"
WRITTEN_AS = {
    **dict.fromkeys("’‘‛ʼ`´", "'"),
    **dict.fromkeys("“”„«»", '"'),
    **dict.fromkeys("‐‑‒–—−", "-"),
    **dict.fromkeys("\u00a0\u2007\u2009\u202f\t", " "),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", ""),
    "…": "...",
    "→": "-",
    "œ": "oe",
    "Œ": "OE",
    "Ð": "D",
    "đ": "d",
    "Đ": "D",
    "ŋ": "n",
    "Ŋ": "N",
    "ɓ": "b",
    "Ɓ": "B",
    "ɗ": "d",
    "Ɗ": "D",
    "ɛ": "e",
    "Ɛ": "E",
    "ɔ": "o",
    "Ɔ": "O",
    "ı": "i",
    "ł": "l",
    "Ł": "L",
}


def to_gsm(text: str) -> str:
    """Return the text in the GSM alphabet: `ê` becomes `e`, a curly apostrophe a straight one, the unknown `?`."""
    return "".join(_written(letter) for letter in unicodedata.normalize("NFC", text))


def gsm_length(text: str) -> int:
    """Return how many of an SMS's 160 characters the text takes. Raises ValueError when it is not in the alphabet."""
    if strange := set(text) - BASIC - EXTENDED:
        raise ValueError(f"not in the GSM alphabet: {sorted(strange)}")
    return sum(2 if letter in EXTENDED else 1 for letter in text)


def _written(letter: str) -> str:
    if letter in BASIC or letter in EXTENDED:
        return letter
    if letter in WRITTEN_AS:
        return WRITTEN_AS[letter]
    plain = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    if unicodedata.combining(letter):
        return ""
    return plain if plain and set(plain) <= BASIC else UNKNOWN
