"""The probe, with the decorator on it."""

import probe  # type: ignore[import-not-found]  # Lambda finds it: it is beside this
from governor_layer import governed

handler = governed(probe.handler)
