"""An adapter as the factory loads one."""

from tests.intake.test_proposals import CharacterEncoder


def make() -> CharacterEncoder:
    return CharacterEncoder()
