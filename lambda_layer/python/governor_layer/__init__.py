"""The governor in front of a Lambda function's handler. Standard library only.

Three ways to attach it: `AWS_LAMBDA_EXEC_WRAPPER=/opt/governor`; the handler set to
`governor_layer.handler` with the old one in `GOVERNOR_HANDLER`; or the decorator `governed`.

Everything here runs before a function's first invocation, at every cold start: modules are imported
only if AWS's runtime has imported them anyway, `typing` among those that it has not. Nothing
connects and nothing random is drawn at import, for a SnapStart snapshot would multiply it.
"""

from .invocation import governed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .denial import ConcurrencyLimitExceeded
    from .invocation import Handler

    handler: Handler

__all__ = ["ConcurrencyLimitExceeded", "governed", "handler"]


def __getattr__(name: str) -> object:
    """Make `handler` when the runtime first looks it up, which it does while it initialises.

    Raises what AWS's runtime would report if it looked up the function's own handler itself, and
    BadSettingError if a variable is bad and GOVERNOR_FAIL is closed.
    """
    if name == "handler":
        from . import target  # noqa: PLC0415 - whoever uses the decorator does without

        return globals().setdefault(name, target.governed_target())
    if name == "ConcurrencyLimitExceeded":
        from . import denial  # noqa: PLC0415 - only whoever catches it needs it before it is raised

        return denial.ConcurrencyLimitExceeded
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
