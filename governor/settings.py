"""How the processes of the service run, as read once from the command line and the environment."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import msgspec

from governor.errors import SettingsError
from governor.tokens import Token

if TYPE_CHECKING:
    from governor.policy import Policy

EMBEDDED: Final = "embedded"

READY: Final = b"ready\n"
"""What a worker writes to its standard output once it accepts connections."""

WRONG_SETTINGS: Final = 2
"""Exit status of a worker that can't run with what it was told."""

LOADED_WITHIN_S: Final = 1.0
"""How long a process waits for the policy before it starts without, as the store is not there."""

FINISH_WITHIN_S: Final = 10.0
"""How long requests that are under way may take when the service stops."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the service listens. `host` is an IP address; port 0 = any free one."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address as a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback


def parse_address(text: str) -> Address:
    """Read ``host:port``, such as ``127.0.0.1:8642`` or ``[::]:8642``. Raises `SettingsError`."""
    host, _, port = text.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        address = Address(str(ipaddress.ip_address(host)), int(port))
    except ValueError as error:
        raise SettingsError(
            f"--listen {text}: {error}; expected an IP address and a port, such as 127.0.0.1:8642"
        ) from error
    if not 0 <= address.port <= 65535:  # noqa: PLR2004 - the ports there are
        raise SettingsError(f"--listen {text}: a port is a number from 0 to 65535")
    return address


def check_pool(name: str) -> None:
    """Refuse the name of a pool that can't be one. Raises `SettingsError`."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        raise SettingsError(f"--pool {name!r}: use up to 64 letters, digits and _.-")


CALLS_PER_S: Final = 3.0
"""A controller's share of the 15 control-plane requests per second that Lambda takes of an account
(Lambda quotas, "API requests")."""


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy file as it was when the governor started."""

    policy: "Policy"
    digest: str
    """Of its text: what was loaded last is not loaded again."""


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Everything that `governor serve` is told, files included: none is read again."""

    listen: Address
    store: str
    """``embedded`` or the store's URL."""
    data_dir: Path
    pool: str
    policy: PolicyFile | None
    tokens: tuple[Token, ...]
    workers: int
    controller: bool

    def __post_init__(self) -> None:
        """Refuse a pool that is no name, and to be open to the network without tokens."""
        check_pool(self.pool)
        if not self.tokens and not self.listen.is_loopback:
            raise SettingsError(
                f"--listen {self.listen.host} is reachable from other machines and there are no "
                "tokens: name a file with --tokens, or listen on 127.0.0.1"
            )


@dataclass(frozen=True, slots=True)
class ChildSettings:
    """What the supervisor tells one of its processes, as one line."""

    def pack(self) -> bytes:
        """Return the settings as one line."""
        return msgspec.json.encode(self) + b"\n"

    @classmethod
    def unpack(cls, line: bytes) -> Self:
        """Read what `pack` wrote."""
        return msgspec.json.decode(line, type=cls)


@dataclass(frozen=True, slots=True)
class ControllerSettings(ChildSettings):
    """Everything that a controller is told."""

    store: str
    pool: str
    interval_s: float = 10.0
    """Time from one cycle to the next while nothing is urgent."""
    dry_run: bool = False
    calls_per_s: float = CALLS_PER_S

    def __post_init__(self) -> None:
        """Refuse a pool that is no name, and a store that only its own governor can reach."""
        check_pool(self.pool)
        if self.store == EMBEDDED:
            raise SettingsError(
                "--store embedded: an embedded store belongs to its governor; use `governor serve "
                "--controller`, or name the address that `governor status` shows, unix://…"
            )


@dataclass(frozen=True, slots=True)
class WorkerSettings(ChildSettings):
    """What the supervisor tells one worker process."""

    socket: int
    """File descriptor of the listening socket."""
    store: str
    pool: str
    tokens: tuple[Token, ...]
    workers: int
