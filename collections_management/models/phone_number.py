"""Phone numbers in international form, where Odoo's own helper lacks its library."""

import re

# Countries whose numbers keep their leading zero after the country code.
KEEPS_ZERO = {"IT", "SM", "VA", "CI", "CG", "GA"}
# Digits with the country code: at most 15 by ITU-T E.164; shorter ones are no mobile numbers.
LEAST, MOST = 8, 15
# So many digits that begin with the country code are taken for a number that has it.
WITH_CODE = 11


def to_e164(number, country_code, phone_code):
    """Return a phone number in international form by the plain rules of E.164, or False.

    :param str number: as people write it
    :param country_code: two letters, of the country that a number without country code is of
    :param phone_code: that country's calling code (int)

    >>> to_e164("600 111 222", "ES", 34)
    '+34600111222'
    >>> to_e164("+44 (0)20 7946 0958", "ES", 34), to_e164("0033 6 12 34 56 78", "ES", 34)
    ('+442079460958', '+33612345678')
    >>> to_e164("020 7946 0958", "GB", 44), to_e164("06 1234 5678", "IT", 39)
    ('+442079460958', '+390612345678')
    >>> to_e164("34600111222", "ES", 34), to_e164("(202) 555-0143", "US", 1)
    ('+34600111222', '+12025550143')
    >>> to_e164("ask Ana", "ES", 34), to_e164("600 111 222", False, 0), to_e164("12", "ES", 34)
    (False, False, False)
    >>> to_e164("600 111 222 ext. 4", "ES", 34), to_e164("+34 600 111 222 333 444 5", "ES", 34)
    (False, False)
    """
    text = (number or "").replace("(0)", "").strip()
    if not re.fullmatch(r"\+?[\d\s()./\-\u00a0\u2011]+", text):
        return False
    digits = re.sub(r"\D", "", text)
    code = str(phone_code or "")
    if text.startswith("+") or (code and digits.startswith(code) and len(digits) >= WITH_CODE):
        full = digits
    elif digits.startswith("00"):
        full = digits.removeprefix("00")
    elif code:
        full = code + (digits if country_code in KEEPS_ZERO else digits.removeprefix("0"))
    else:
        return False
    fits = LEAST <= len(full) <= MOST and not full.startswith("0")
    return f"+{full}" if fits else False
