"""What the seeds must be told by their surroundings. Secrets come from the environment, never from a pack."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Config", "ConfigProblem", "read_config"]


class ConfigProblem(Exception):
    """Something the seeds need is missing or malformed; the text says what to set."""


@dataclass(frozen=True, slots=True)
class Config:
    """Where the house is and how its people get in.

    `tokens` holds one operator access token per tenant. `password` is set for every member of staff in the packs.
    `code_log` is the log in which the directory's console sender shows one-time codes. `clock_file` is what moves the
    clock of a house on one machine.
    """

    url: str
    tokens: Mapping[str, str]
    password: str
    code_log: Path | None
    clock_file: Path | None = None

    def token(self, tenant: str) -> str:
        """Return the operator's token of a tenant."""
        try:
            return self.tokens[tenant]
        except KeyError:
            message = f"LINLI_SEED_TOKENS has no operator token for the tenant {tenant!r}"
            raise ConfigProblem(message) from None


def read_config(env: Mapping[str, str]) -> Config:
    """Read the configuration and refuse what is missing before anything is sent."""
    return Config(
        url=_required(env, "LINLI_URL", "the gateway's base address, e.g. http://127.0.0.1:8000").rstrip("/"),
        tokens=_tokens(_required(env, "LINLI_SEED_TOKENS", 'JSON of operator tokens, {"tenant": "token"}')),
        password=_required(env, "LINLI_SEED_PASSWORD", "the password that the packs' staff get in this house"),
        code_log=Path(env["LINLI_CODE_LOG"]) if env.get("LINLI_CODE_LOG") else None,
        clock_file=Path(env["LINLI_CLOCK_FILE"]) if env.get("LINLI_CLOCK_FILE") else None,
    )


def _required(env: Mapping[str, str], name: str, meaning: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        message = f"{name} is not set: {meaning}"
        raise ConfigProblem(message)
    return value


def _tokens(text: str) -> dict[str, str]:
    try:
        tokens = json.loads(text)
    except ValueError:
        tokens = None
    if not isinstance(tokens, dict) or not all(isinstance(token, str) for token in tokens.values()):
        message = 'LINLI_SEED_TOKENS is not a JSON object of strings, {"tenant": "token"}'
        raise ConfigProblem(message)
    return {str(tenant): token for tenant, token in tokens.items()}
