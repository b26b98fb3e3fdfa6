"""Another vendor's handler, put into _HANDLER by its exec wrapper; ORIG_HANDLER is the old one."""

import importlib
import os
from typing import Any

_module, _, _name = os.environ["ORIG_HANDLER"].rpartition(".")
_wrapped = getattr(importlib.import_module(_module.replace("/", ".")), _name)


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    """Note that the invocation has come by, and hand it on."""
    context.passed = [*getattr(context, "passed", []), "otel"]
    return _wrapped(event, context)
