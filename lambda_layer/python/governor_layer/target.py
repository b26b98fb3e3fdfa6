"""The function's own handler, found and reported on as AWS's runtime does it."""

import importlib
import os
import sys

from .invocation import governed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .invocation import Handler


def governed_target() -> "Handler":
    """The handler that GOVERNOR_HANDLER names, with the governor before it.

    Raises what `resolve` and `governed` raise.
    """
    return governed(resolve(os.environ.get("GOVERNOR_HANDLER", "")))


def resolve(name: str) -> "Handler":
    """Import the handler `name`: split at its last dot, a `/` stands for a dot.

    The runtime reports whatever escapes from the lookup of *our* handler by its class and message,
    so both are made to be those that awslambdaric (`bootstrap._get_handler`) has for the cause.
    """
    module_name, dot, attribute = name.rpartition(".")
    if not dot or module_name == __package__:  # the layer would look itself up
        raise _reported_as(
            "Runtime.MalformedHandlerName",
            f"GOVERNOR_HANDLER is {name!r}: set it to the function's own handler, module.function",
        )
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise _reported_as(
            "Runtime.BuiltInModuleConflict",
            f"Cannot use built-in module {module_name} as a handler module",
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise _reported_as(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
        ) from error
    except SyntaxError as error:
        raise _reported_as(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}"
        ) from error
    except AttributeError as error:
        # To the runtime, which is looking up an attribute, it would mean that ours is missing.
        reported = _reported_as("AttributeError", str(error))
        raise reported.with_traceback(error.__traceback__) from error
    try:
        handler: Handler = getattr(module, attribute)
    except AttributeError as error:
        raise _reported_as(
            "Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{module_name}'"
        ) from error
    return handler


def _reported_as(error_type: str, message: str) -> Exception:
    """An exception that the runtime reports as `error_type`: it goes by the class's name."""
    reported: Exception = type(error_type, (Exception,), {})(message)
    return reported
