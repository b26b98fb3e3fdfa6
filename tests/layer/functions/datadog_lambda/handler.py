"""The function's handler is set to `datadog_lambda.handler.handler`, DD_LAMBDA_HANDLER to its own.

The vendor's module finds that one while it is imported, and wraps it.
"""

import importlib
import os
from typing import Any

_module, _, _name = os.environ["DD_LAMBDA_HANDLER"].rpartition(".")
_wrapped = getattr(importlib.import_module(_module.replace("/", ".")), _name)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Note that the invocation has come by, and hand it on."""
    context.passed = [*getattr(context, "passed", []), "datadog"]
    return _wrapped(event, context)
