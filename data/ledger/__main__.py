"""Writes the sample that is kept in data/sample: ``python -m data.ledger``."""

from . import generate, write_csv
from .demo import SAMPLE

write_csv(generate(), SAMPLE)
