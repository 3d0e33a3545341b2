"""Identifiers with valid check digits, drawn from a ``random.Random``."""

from stdnum import luhn
from stdnum.es import ccc, cif, dni
from stdnum.iso7064 import mod_11_10
from stdnum.pt import nif as pt_nif


def digits(rng, count):
    """``count`` random digits as text."""
    return "".join(rng.choice("0123456789") for _ in range(count))


def spanish_company_vat(rng, letter):
    """VAT of a Spanish legal person; ``letter`` says of which kind (B: S.L., A: S.A., P: town)."""
    number = letter + str(rng.randrange(10, 99)) + digits(rng, 5)
    checks = cif.calc_check_digits(number)  # the digit, then the letter that means the same
    return "ES" + number + (checks[-1] if letter in "PQSNW" else checks[0])


def spanish_person_vat(rng):
    """VAT of a Spanish private person (NIF)."""
    number = digits(rng, 8)
    return "ES" + number + dni.calc_check_digit(number)


def spanish_iban(rng, bank="2100"):
    """IBAN of an account at the Spanish ``bank`` (four digits)."""
    branch, account = digits(rng, 4), digits(rng, 10)
    number = bank + branch + "00" + account
    number = bank + branch + ccc.calc_check_digits(number) + account
    check = 98 - int(number + "142800") % 97  # ISO 13616: "ES00" moved to the end, E=14, S=28
    return f"ES{check:02d}{number}"


def foreign_vat(rng, country):
    """VAT of a company of an EU ``country``; empty for the others, where we give none."""
    if country == "FR":
        siren = digits(rng, 8)
        siren += luhn.calc_check_digit(siren)
        return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"
    if country == "PT":
        number = "50" + digits(rng, 6)
        return "PT" + number + pt_nif.calc_check_digit(number)
    if country == "DE":
        number = str(rng.randrange(1, 10)) + digits(rng, 7)
        return "DE" + number + mod_11_10.calc_check_digit(number)
    return ""
