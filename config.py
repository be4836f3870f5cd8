"""Settings of the desk: frozen, typed, validated; the only reader of the environment."""

from __future__ import annotations

import os
import re
import secrets
import socket
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent
SECRET_MIN_LENGTH = 32
METRICS_TOKEN_MIN_LENGTH = 16
SECRET_MIN_VARIETY = 10  # different characters; fewer are a placeholder, never a random key
PLACEHOLDER = re.compile(r"change.?me|example|default|secret|password|your.?key", re.IGNORECASE)


class SettingsError(Exception):
    """A variable of the environment is missing or wrong; the message names it."""


class Mode(StrEnum):
    """How the desk is run."""

    DEVELOPMENT = "development"  # embedded database, demonstration accounts, mails in a folder
    TEST = "test"
    PRODUCTION = "production"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything the environment may decide. Paths are absolute, durations carry their unit."""

    mode: Mode
    secret_key: str = field(repr=False)
    instance: Path
    database_url: str | None = field(repr=False)  # None: the embedded PostgreSQL in `instance`
    port: int
    host: str
    public_url: str  # scheme and host of links in mails; never taken from a request
    mail_server: str | None  # None: mails land in instance/mail
    mail_port: int
    mail_username: str | None
    mail_password: str | None = field(repr=False)
    mail_use_tls: bool
    mail_sender: str
    sandbox_url: str | None  # None: no sandbox engine is offered
    sandbox_key: str = field(repr=False)
    sandbox_delay_scale: float
    trusted_proxies: int  # how many reverse proxies stand before us, for the caller's address
    backup_folder: Path
    backup_key: str | None = field(repr=False)  # None: backups can be read by whoever has the file
    pg_bin: Path | None  # where pg_dump and pg_restore are; None: looked for
    metrics_token: str | None = field(repr=False)  # None: in production, /metrics does not exist
    metrics_port: (
        int | None
    )  # where a worker or a clock tells its own metrics, on a host of its own
    metrics_folder: Path  # of this host alone: its processes keep their numbers there

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read and check the environment. Raises SettingsError naming the variable."""
        env = os.environ if environment is None else environment
        mode = _mode(env)
        _refuse_debugging(env, mode)
        instance = Path(env.get("SERVICEDESK_INSTANCE", ROOT / "instance")).resolve()
        port = _integer(env, "PORT", 8000, 1, 65535)
        return cls(
            mode=mode,
            secret_key=_secret(env, mode, instance),
            instance=instance,
            database_url=_database_url(env, mode),
            port=port,
            host=env.get("HOST", "127.0.0.1"),
            public_url=_public_url(env, mode, port),
            mail_server=env.get("MAIL_SERVER") or None,
            mail_port=_integer(env, "MAIL_PORT", 25, 1, 65535),
            mail_username=env.get("MAIL_USERNAME") or None,
            mail_password=env.get("MAIL_PASSWORD") or None,
            mail_use_tls=env.get("MAIL_USE_TLS", "") == "1",
            mail_sender=env.get("MAIL_SENDER", "Servicio Móvil Gestionado <mesa@desk.example>"),
            sandbox_url=_sandbox_url(env, mode, port),
            sandbox_key=env.get("SANDBOX_KEY") or _sandbox_key(mode, instance),
            sandbox_delay_scale=_number(env, "SANDBOX_DELAY_SCALE", 1.0),
            trusted_proxies=_integer(env, "TRUSTED_PROXIES", 0, 0, 9),
            backup_folder=Path(env.get("BACKUP_FOLDER") or instance / "backups").resolve(),
            backup_key=_backup_key(env),
            pg_bin=Path(env["PG_BIN"]) if env.get("PG_BIN") else None,
            metrics_token=_metrics_token(env),
            metrics_port=_metrics_port(env, mode),
            metrics_folder=_metrics_folder(env, instance),
        )

    @property
    def is_production(self) -> bool:
        """Whether demonstration accounts and development aids must not exist."""
        return self.mode is Mode.PRODUCTION


def _mode(env: Mapping[str, str]) -> Mode:
    value = env.get("SERVICEDESK_MODE", Mode.DEVELOPMENT)
    try:
        return Mode(value)
    except ValueError:
        raise SettingsError(
            f"SERVICEDESK_MODE is {value!r}; it must be one of {', '.join(Mode)}"
        ) from None


def _integer(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = env.get(name) or str(default)
    if not re.fullmatch(r"-?\d+", value) or not low <= int(value) <= high:
        raise SettingsError(f"{name} is {value!r}; it must be a whole number from {low} to {high}")
    return int(value)


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    value = env.get(name) or str(default)
    if not re.fullmatch(r"\d+(\.\d+)?", value):
        raise SettingsError(f"{name} is {value!r}; it must be a number of 0 or more")
    return float(value)


def _secret(env: Mapping[str, str], mode: Mode, instance: Path) -> str:
    name, value = "SECRET_KEY", env.get("SECRET_KEY", "")
    if path := env.get("SECRET_KEY_FILE", ""):
        if value:
            raise SettingsError("SECRET_KEY and SECRET_KEY_FILE are both set; keep one")
        name, value = "the file of SECRET_KEY_FILE", _read_secret(Path(path))
    if value:
        if len(value) < SECRET_MIN_LENGTH:
            raise SettingsError(f"{name} must have at least {SECRET_MIN_LENGTH} characters")
        if mode is Mode.PRODUCTION and _is_guessable(value):
            raise SettingsError(f"{name} is a placeholder; make one with `openssl rand -hex 32`")
        return value
    if mode is Mode.PRODUCTION:
        raise SettingsError("SECRET_KEY or SECRET_KEY_FILE must be set in production")
    return kept_secret(instance / "secret_key")


def _is_guessable(value: str) -> bool:
    return len(set(value)) < SECRET_MIN_VARIETY or PLACEHOLDER.search(value) is not None


def _read_secret(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{path} can be read by others; chmod 600 it")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{path} of SECRET_KEY_FILE cannot be read") from None


def _refuse_debugging(env: Mapping[str, str], mode: Mode) -> None:
    """Raise SettingsError where people are served with a debugger, which runs any program."""
    for name in ("FLASK_DEBUG", "PYTHONDEVMODE"):
        if mode is Mode.PRODUCTION and env.get(name, "").lower() not in {"", "0", "false", "no"}:
            raise SettingsError(f"{name} is on; in production it must not be set")


def _metrics_token(env: Mapping[str, str]) -> str | None:
    value = env.get("METRICS_TOKEN") or None
    if value and len(value) < METRICS_TOKEN_MIN_LENGTH:
        raise SettingsError(
            f"METRICS_TOKEN must have at least {METRICS_TOKEN_MIN_LENGTH} characters"
        )
    return value


def _metrics_port(env: Mapping[str, str], mode: Mode) -> int | None:
    if not env.get("METRICS_PORT"):
        return None
    if mode is Mode.PRODUCTION and not env.get("METRICS_TOKEN"):
        raise SettingsError("METRICS_PORT needs METRICS_TOKEN: nobody else is to read the metrics")
    return _integer(env, "METRICS_PORT", 0, 1, 65535)


def _metrics_folder(env: Mapping[str, str], instance: Path) -> Path:
    # the instance folder may be shared between hosts, and process numbers are not
    told = env.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(told).resolve() if told else instance / "metrics" / socket.gethostname()


def _sandbox_key(mode: Mode, instance: Path) -> str:
    return "" if mode is Mode.PRODUCTION else kept_secret(instance / "sandbox_key")


def kept_secret(path: Path) -> str:
    """Return the random secret kept at `path`, making it at the first call (mode 0600)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{path.name} can be read by others; chmod 600 it") from None
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        value = secrets.token_urlsafe(48)
        file.write(value)
    return value


def _backup_key(env: Mapping[str, str]) -> str | None:
    value, path = env.get("BACKUP_KEY", ""), env.get("BACKUP_KEY_FILE", "")
    if path:
        try:
            if Path(path).stat().st_mode & 0o077:
                raise SettingsError("BACKUP_KEY_FILE can be read by others; chmod 600 it")
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"BACKUP_KEY_FILE cannot be read: {error}") from None
    if (value or path) and len(value) < SECRET_MIN_LENGTH:
        raise SettingsError(f"BACKUP_KEY must have at least {SECRET_MIN_LENGTH} characters")
    return value or None


def _database_url(env: Mapping[str, str], mode: Mode) -> str | None:
    url = env.get("DATABASE_URL") or None
    if url is None:
        if mode is Mode.PRODUCTION:
            raise SettingsError("DATABASE_URL must be set in production")
        return None
    match = re.match(r"postgres(ql)?(\+psycopg)?://", url)
    if not match:
        raise SettingsError("DATABASE_URL must begin with postgresql://")
    # SQLAlchemy 2.0 and 2.1 differ in the driver a bare scheme means, so it is always named
    return "postgresql+psycopg://" + url[match.end() :]


def _public_url(env: Mapping[str, str], mode: Mode, port: int) -> str:
    url = env.get("PUBLIC_URL", "").rstrip("/")
    if not url and mode is Mode.PRODUCTION:
        raise SettingsError("PUBLIC_URL must be set in production: links in mails begin with it")
    return url or f"http://127.0.0.1:{port}"


def _sandbox_url(env: Mapping[str, str], mode: Mode, port: int) -> str | None:
    url = env.get("SANDBOX_URL", "").rstrip("/")
    if url or mode is Mode.PRODUCTION:
        return url or None
    return f"http://127.0.0.1:{port + 1 if port < 65535 else port - 1}"  # noqa: PLR2004
