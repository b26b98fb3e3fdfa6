"""The seeds' story in small: watched live, and held against what the simulator tells of it."""

from typing import Final

LIMIT: Final = 100
"""Of the account."""

RUNNING: Final = 50
"""Invocations of users at a time, on average."""

REQUEST_S: Final = 3
"""What one takes, on average."""

MESSAGES: Final = 240
MESSAGE_S: Final = 4
"""What one takes, a third more or less."""

POLICY: Final = """
account: {max_concurrency: 100, headroom: 20}
functions:
  api: {priority: user-facing}
  load: {priority: background}
"""
