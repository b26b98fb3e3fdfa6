"""What AWS says of one function at a time, and why it could not. Values only."""

from msgspec import Struct

from governor.fleet.sources import Source


class Details(Struct, frozen=True, omit_defaults=True):
    """A function's concurrency settings, who may call it, where its failed events go.

    `reserved` is its owner's, `braked` what a controller's brake has reserved for the moment: that
    is of the shared pool. `provisioned` is the sum over its versions. `unread` are the calls, as
    IAM names them, that could not be made: what they would have said is as if there were nothing.
    """

    reserved: int | None = None
    braked: int = 0
    provisioned: int = 0
    callers: tuple[Source, ...] = ()
    old_aliases: tuple[str, ...] = ()
    """Aliases of an attached function that lead to versions published before it was."""
    on_failure: str = ""
    """The ARN where asynchronous events go that failed; "" if nowhere."""
    unread: tuple[str, ...] = ()
