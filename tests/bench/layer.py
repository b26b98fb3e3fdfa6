"""What the layer costs a function: unpacked from the zip, before a handler that does nothing."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from governor.demo.environment import Attach, ExecutionEnvironment
from governor.demo.rie import default_cache, emulator
from governor.layer.archive import build, sources
from tests.bench.figures import Bound, Figure, median
from tests.bench.governors import governor, noop_server, put
from tests.governors import Governor
from tests.layer.misbehaviour import hangs
from tests.layer.standin import StandIn
from tests.layer.unpacked import unpack

FUNCTION = "bench"
INVOCATIONS = 1000
IMPORTS = 21
PROCESSES = 7
OUTAGES = 3
TIMEOUT_MS = 200
PROCESS = Path(__file__).with_name("function.py")
NOOP_POST = (
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 2\r\n\r\n{}"
)
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
FROM_SOURCE = {"PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def _unpacked() -> Iterator[Path]:
    """The layer as Lambda unpacks it."""
    with tempfile.TemporaryDirectory(prefix="governor-opt-") as folder:
        yield unpack(build(sources()).content, Path(folder))


@contextmanager
def _governor() -> Iterator[Governor]:
    """A governor that counts the function in three scopes and has room for it."""
    with governor() as service:
        put(service, "/v1/account", {"max_concurrency": 1000})
        put(service, "/v1/groups/g", {"max_concurrency": 1000})
        put(service, f"/v1/functions/{FUNCTION}", {"max_concurrency": 1000, "groups": ["g"]})
        yield service


def _measured(opt: Path, what: str, url: str, **variables: str) -> Any:
    """What a fresh process of `function.py` measures."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(opt / "python"),
        "AWS_LAMBDA_FUNCTION_NAME": FUNCTION,
        "GOVERNOR_HANDLER": "json.dumps",  # the runtime has imported it: no time of the function's
        "GOVERNOR_URL": url,
        **variables,
    }
    printed = subprocess.check_output([sys.executable, PROCESS, what], env=environ)
    return json.loads(printed.splitlines()[-1])  # the layer may have logged something before


def _took_us(work: Callable[[], object]) -> float:
    begin = perf_counter()
    work()
    return (perf_counter() - begin) * 1e6


def layer_latency() -> list[Figure]:
    """A governed invocation under AWS's emulator, a bare one, and a no-op POST, in turns."""
    rie = emulator(default_cache())
    with (
        _unpacked() as opt,
        _governor() as service,
        noop_server() as noop_port,
        socket.create_connection(("127.0.0.1", noop_port)) as noop,
        tempfile.TemporaryDirectory() as task,
    ):
        noop.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        (Path(task) / "app.py").write_text("def handler(event, context):\n    return None\n")

        def environment(environ: dict[str, str]) -> ExecutionEnvironment:
            return ExecutionEnvironment(
                rie,
                function=FUNCTION,
                handler="app.handler",
                task_root=Path(task),
                environ={"GOVERNOR_URL": service.url, **environ},
                attach=Attach.NONE,
            )

        def post() -> None:
            noop.sendall(NOOP_POST)
            assert noop.recv(4096).startswith(b"HTTP/1.1 200")

        wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": str(opt / "governor")}
        with environment({}) as bare, environment(wrapper) as governed:
            times = [
                (
                    _took_us(lambda: bare.invoke({})),
                    _took_us(lambda: governed.invoke({})),
                    _took_us(post),
                )
                for _ in range(INVOCATIONS)
            ]
            assert governed.invoke({}).body is None
            assert "governor: " not in governed.logs(), "an invocation ran ungoverned"
    bare_us, governed_us, noop_us = (
        median([each[i] for each in times[INVOCATIONS // 10 :]]) for i in range(3)
    )
    return [
        Figure(
            "layer: added to an invocation, p50 ÷ no-op POST from a raw socket",
            (governed_us - bare_us) / noop_us,
            f"({governed_us:,.0f} - {bare_us:,.0f}) µs ÷ {noop_us:,.0f} µs, to an aiohttp that "
            "answers nothing",
            Bound.AT_MOST,
            3.5,
        )
    ]


def layer_check_out() -> list[Figure]:
    """From the handler's return to the runtime, less the same without the layer."""
    with _unpacked() as opt, _governor() as service:
        pairs = [
            tuple(
                _measured(opt, what, service.url, **COMPILED)["after_us"]
                for what in ("bare", "governed")
            )
            for _ in range(PROCESSES)
        ]
    bare, governed = (median([pair[i] for pair in pairs]) for i in (0, 1))
    return [
        Figure(
            "layer: from the handler's return to the response, due to check-out, p50",
            governed - bare,
            f"{governed:.1f} - {bare:.1f} µs, median of {PROCESSES} processes",
            Bound.AT_MOST,
            60,
            "µs",
        )
    ]


def layer_import() -> list[Figure]:
    """What the layer adds to a cold start: its import, and what it does before an invocation.

    The zip holds no bytecode, for it is made for several versions of Python and has 40 kB at most:
    a cold start pays for the compilation. Over https most of the init is the interpreter's own.
    """
    with _unpacked() as compiled, _unpacked() as opt:
        ways = {"from bytecode": (compiled, COMPILED), "from source": (opt, FROM_SOURCE)}
        times: dict[tuple[str, str], list[dict[str, float]]] = {
            (scheme, way): [] for way in ways for scheme in ("http", "https")
        }
        encryptions = []
        for number in range(1 + IMPORTS):
            for (scheme, way), took in times.items():
                folder, variables = ways[way]
                cold = _measured(folder, "import", f"{scheme}://127.0.0.1:8642", **variables)
                if number:  # the first one compiles in any case
                    took.append(cold)
            encryptions.append(_measured(opt, "ssl", ""))
    bounds = {"http": 3, "https": 10}
    imports = [
        Figure(
            f"layer: {name} on top of awslambdaric, {scheme}, {way}",
            median([sum(each[part] for part in parts) for each in took]),
            f"median of {IMPORTS} fresh processes",
            Bound.AT_MOST,
            bounds[scheme],
            "ms",
        )
        for (scheme, way), took in times.items()
        for name, parts in (
            ("import", ("import_ms",)),
            ("import and init", ("import_ms", "init_ms")),
        )
    ]

    def over_https(what: str) -> tuple[float, float]:
        return (
            median([each[what] for each in times["https", "from bytecode"]]),
            median([each[what] for each in encryptions]),
        )

    (import_ms, ssl_ms), (init_ms, trust_ms) = over_https("import_ms"), over_https("init_ms")
    governed_mb, ssl_mb = over_https("resident_mb")
    return [
        *imports,
        Figure(
            "layer: import over https, from bytecode ÷ the interpreter's own import of ssl",
            import_ms / ssl_ms,
            f"{import_ms:.1f} ÷ {ssl_ms:.1f} ms, with a bound as of 10 ms where ssl takes 6.9",
            Bound.AT_MOST,
            1.45,
        ),
        Figure(
            "layer: init over https ÷ the interpreter's own ssl.create_default_context()",
            init_ms / trust_ms,
            f"{init_ms:.1f} ÷ {trust_ms:.1f} ms, to read the system's authorities",
            Bound.AT_MOST,
            1.1,
        ),
        Figure(
            "layer: resident memory over https, beside the interpreter's own ssl",
            governed_mb - ssl_mb,
            f"{governed_mb:.2f} - {ssl_mb:.2f} MB, before the first invocation",
            Bound.AT_MOST,
            2,
            "MB",
        ),
    ]


def layer_process() -> list[Figure]:
    """What a process has more of in memory, and its first invocation takes, with the layer."""
    with _unpacked() as opt, _governor() as service:
        pairs = [
            [_measured(opt, what, service.url, **FROM_SOURCE) for what in ("bare", "governed")]
            for _ in range(PROCESSES)
        ]

    def medians(what: str) -> tuple[float, float]:
        bare, governed = (median([pair[i][what] for pair in pairs]) for i in (0, 1))
        return bare, governed

    (bare_mb, governed_mb), (bare_ms, governed_ms) = medians("resident_mb"), medians("first_ms")
    return [
        Figure(
            "layer: resident memory",
            governed_mb - bare_mb,
            f"{governed_mb:.2f} - {bare_mb:.2f} MB, compiled from source, median of {PROCESSES}",
            Bound.AT_MOST,
            2,
            "MB",
        ),
        Figure(
            "layer: added to the first invocation after the init",
            governed_ms - bare_ms,
            f"connecting, and what is imported late, from source; median of {PROCESSES}",
            unit="ms",
        ),
    ]


def layer_outage() -> list[Figure]:
    """What 100 invocations lose to a governor that accepts connections and never answers."""
    losses = []
    with _unpacked() as opt:
        for _ in range(OUTAGES):
            with StandIn(hangs) as mute:
                variables = {**COMPILED, "GOVERNOR_TIMEOUT_MS": str(TIMEOUT_MS)}
                bare = _measured(opt, "bare", mute.url, **variables)["total_ms"]
                assert mute.requests == []
                governed = _measured(opt, "governed", mute.url, **variables)["total_ms"]
                assert len(mute.requests) == 1
            losses.append(governed - bare)
    return [
        Figure(
            "layer: cost of an outage to 100 invocations ÷ GOVERNOR_TIMEOUT_MS",
            max(losses) / TIMEOUT_MS,
            f"{max(losses):.0f} ms ÷ {TIMEOUT_MS} ms, worst of {OUTAGES}",
            Bound.AT_MOST,
            2,
        )
    ]
