"""The hosted page's words in French and English. Not the application's: it is somebody else's page."""

from flask import request

LANGUAGES = ("fr", "en")

WORDS: dict[str, tuple[str, str]] = {
    "banner": ("Bac à sable : aucun argent réel", "Sandbox: no real money"),
    "other_language": ("English", "Français"),
    "title_pay": ("Payer", "Pay"),
    "pay_to": ("Payer {amount} à {merchant}", "Pay {amount} to {merchant}"),
    "what_for": ("Pour", "For"),
    "reference": ("Référence", "Reference"),
    "time_left": ("Temps restant", "Time left"),
    "minutes": ("{n} min", "{n} min"),
    "choose": ("Comment voulez-vous payer ?", "How do you want to pay?"),
    "mtn": ("MTN MoMo", "MTN MoMo"),
    "orange": ("Orange Money", "Orange Money"),
    "card": ("Carte bancaire", "Bank card"),
    "no_method": (
        "Le marchand n’a laissé aucun moyen de paiement sur cette page.",
        "The merchant left no way to pay on this page.",
    ),
    "other_method": ("Choisir un autre moyen", "Choose another way"),
    "phone": ("Numéro de téléphone", "Phone number"),
    "phone_hint": (
        "N’importe quel numéro passe. 237121212121 et 237010101011 échouent toujours.",
        "Any number passes. 237121212121 and 237010101011 always fail.",
    ),
    "phone_error": ("Écrivez un numéro de 9 à 15 chiffres.", "Enter a number of 9 to 15 digits."),
    "card_number": ("Numéro de la carte de test", "Test card number"),
    "card_error": (
        "Ce n’est pas une carte de test. Prenez-en une de la liste.",
        "Not a test card. Take one from the list.",
    ),
    "expiry": ("Date d’expiration (MM/AA)", "Expiry date (MM/YY)"),
    "cvv": ("Code de sécurité (CVV)", "Security code (CVV)"),
    "otp": ("Mot de passe à usage unique (OTP)", "One-time password (OTP)"),
    "otp_hint": (
        "Tout passe, sauf 5548 (faux code) et 6648 (solde insuffisant).",
        "Anything passes, except 5548 (wrong code) and 6648 (insufficient funds).",
    ),
    "cards": ("Les cartes de test", "The test cards"),
    "passes": ("passe", "passes"),
    "fails": ("échoue", "fails"),
    "who": ("Que fait la personne qui paie ?", "What does the payer do?"),
    "approve": ("Approuver", "Approve"),
    "refuse": ("Refuser", "Refuse"),
    "never": ("Ne jamais répondre", "Never answer"),
    "late": ("Approuver en retard", "Approve late"),
    "delay": ("Retard", "Delay"),
    "delay_30": ("30 secondes", "30 seconds"),
    "delay_300": ("5 minutes", "5 minutes"),
    "delay_1200": ("20 minutes", "20 minutes"),
    "delay_after": ("après la fin de la session", "after the session has ended"),
    "cancel": ("Annuler et revenir chez le marchand", "Cancel and go back to the merchant"),
    "failed_notice": (
        "La dernière tentative n’est pas passée. La page reste ouverte, vous pouvez réessayer.",
        "The last attempt did not go through. The page stays open, you can try again.",
    ),
    "tries_left": ("Tentatives restantes", "Attempts left"),
    "error": ("Erreur", "Error"),
    "title_wait": ("Confirmez sur le téléphone", "Confirm on the phone"),
    "wait_text": (
        "La demande de {amount} est sur le téléphone {phone}. Cette page attend la réponse.",
        "The request for {amount} is on the phone {phone}. This page waits for the answer.",
    ),
    "wait_card": ("La banque examine le paiement de {amount}.", "The bank is looking at the payment of {amount}."),
    "refresh": ("Actualiser", "Refresh"),
    "title_paid": ("Paiement réussi", "Payment successful"),
    "paid_text": (
        "Le paiement est passé. Vous pouvez fermer cette page.",
        "The payment went through. You can close this page.",
    ),
    "title_failed": ("La session de paiement est terminée", "The payment session is over"),
    "failed_text": ("Ce lien ne peut plus servir à payer.", "This link can no longer be used to pay."),
    "title_cancelled": ("Paiement annulé", "Payment cancelled"),
    "cancelled_text": ("Ce paiement a été annulé.", "This payment was cancelled."),
    "title_disabled": ("Lien désactivé", "Link disabled"),
    "disabled_text": ("Le marchand a désactivé ce lien de paiement.", "The merchant has disabled this payment link."),
    "title_unknown": ("Lien inconnu", "Unknown link"),
    "unknown_text": ("Ce lien de paiement n’existe pas.", "This payment link does not exist."),
    "title_front": ("Bac à sable Flutterwave", "Flutterwave sandbox"),
    "front_text": (
        "Ce serveur joue Flutterwave pour ce site. Personne n’est débité. La page de paiement s’ouvre depuis le site.",
        "This server plays Flutterwave for this site. Nobody is charged. The payment page opens from the site.",
    ),
    "payments": ("Derniers paiements", "Latest payments"),
    "no_payments": ("Aucun paiement pour l’instant.", "No payment yet."),
    "amount": ("Montant", "Amount"),
    "state": ("État", "State"),
    "state_open": ("ouvert", "open"),
    "state_paid": ("payé", "paid"),
    "state_cancelled": ("annulé", "cancelled"),
    "state_failed": ("échoué", "failed"),
    "state_disabled": ("désactivé", "disabled"),
    "back": ("Revenir chez le marchand", "Go back to the merchant"),
}
NO_BREAK = "\u00a0"


def choose_language() -> str:
    """Return `fr` or `en`: what the address asks for, else what the browser prefers, else French."""
    asked = request.args.get("lang")
    if asked in LANGUAGES:
        return str(asked)
    preferred = (value.lower().split("-")[0] for value in request.accept_languages.values())
    return next((language for language in preferred if language in LANGUAGES), "fr")


def say(language: str, name: str, **values: object) -> str:
    """Return one text in one language."""
    text = WORDS[name][LANGUAGES.index(language)].format(**values)
    if language == "en":
        return text
    for mark in (":", "?", ";", "!"):
        text = text.replace(f" {mark}", f"{NO_BREAK}{mark}")
    return text


def write_amount(language: str, amount: float, currency: str) -> str:
    """Write an amount the way people read it: 6 500 XAF, 6,500 XAF."""
    text = f"{amount:,}"
    if language == "fr":
        text = text.replace(",", NO_BREAK).replace(".", ",")
    return f"{text}{NO_BREAK}{currency}"
