"""Ask the governor in this container how it is: exit status 0 if all is well, else 1.

Python is in the image anyway, curl is not. With an argument another path is asked: ``/readyz``
fails while the store can't be reached.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

WITHIN_S = 3.0


def status(path: str) -> int:
    """Return the status of the answer. Raises OSError or HTTPException if there is none."""
    port = int(os.environ.get("GOVERNOR_LISTEN", "127.0.0.1:8642").rpartition(":")[2])
    connection = HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
    connection.request("GET", path)
    return connection.getresponse().status


def main() -> None:
    """Exit."""
    path = sys.argv[1] if len(sys.argv) > 1 else "/healthz"
    try:
        answer = status(path)
    except (OSError, HTTPException) as error:
        sys.exit(f"no answer to {path}: {error}")
    sys.exit(None if answer == 200 else f"{path} answers {answer}")  # noqa: PLR2004 - OK


if __name__ == "__main__":
    main()
