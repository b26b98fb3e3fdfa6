"""What the layer has for whom: the runtimes that it runs in, and where a function finds it."""

from collections.abc import Mapping
from typing import Final

RUNTIMES: Final = (
    *("python3.11", "python3.12", "python3.13", "python3.14"),
    *("nodejs20.x", "nodejs22.x", "nodejs24.x"),
)
ARCHITECTURES: Final = ("x86_64", "arm64")

WRAPPER_VARIABLE: Final = "AWS_LAMBDA_EXEC_WRAPPER"
WRAPPER: Final = "/opt/governor"
"""What `WRAPPER_VARIABLE` is set to, and the code stays as it is."""

HANDLERS: Final[Mapping[str, str]] = {
    "python": "governor_layer.handler",
    "nodejs": "/opt/nodejs/node_modules/governor-layer/index.handler",
}
"""By what a runtime's name begins with: the handler of a function whose wrapper slot is taken."""

URL_VARIABLE: Final = "GOVERNOR_URL"
HANDLER_VARIABLE: Final = "GOVERNOR_HANDLER"
