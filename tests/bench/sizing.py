"""What the runbook's arithmetic of an installation's size rests on."""

import json
import socket
from urllib.request import urlopen
from uuid import uuid4

import psutil

from tests.bench.figures import Figure
from tests.bench.governors import governor
from tests.bench.http import load, three_scopes
from tests.governors import Governor

CONNECTIONS = 64


def sizing() -> list[Figure]:
    """CPU time of a check-in, in the service and in the store, and a lease's memory there."""
    with governor() as service:
        three_scopes(service)
        (worker,) = service.workers()
        processes = (worker, service.store())
        leases, stored = _status(service)
        before = [_cpu_s(each) for each in processes]
        load(service.port, "/v1/leases", CONNECTIONS)
        after = [_cpu_s(each) for each in processes]
        leases_after, stored_after = _status(service)
        pair = _pair_bytes(service)
    granted = leases_after - leases
    worker_us, store_us = (
        (end - begin) / granted * 1e6 for begin, end in zip(before, after, strict=True)
    )
    return [
        Figure(
            "CPU time of a check-in in a worker",
            worker_us,
            f"{granted:,} check-ins of {CONNECTIONS} connections, three scopes each",
            unit="µs",
        ),
        Figure("CPU time of a check-in in the store", store_us, "the same", unit="µs"),
        Figure(
            "memory of a lease in the store",
            (stored_after - stored) / granted,
            f"{stored / 2**20:.1f} MB before, {stored_after / 2**20:.1f} MB after",
            unit="bytes",
        ),
        Figure(
            "bytes of a check-in and a check-out on the wire",
            pair,
            "requests and answers, over HTTP, without TCP's own",
            unit="bytes",
        ),
    ]


def _pair_bytes(service: Governor) -> int:
    """Ask as the layer does, with ids and headers as long as in Lambda."""
    id_ = f"{uuid4()}:{'0' * 8}"
    body = json.dumps({"function": "bench", "ttl_ms": 30_000, "id": id_})
    fields = f"Host: governor.internal:8642\r\nAuthorization: Bearer {'0' * 48}\r\n"
    requests = (
        (
            f"POST /v1/leases HTTP/1.1\r\n{fields}Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ),
        f"DELETE /v1/leases/{id_} HTTP/1.1\r\n{fields}\r\n",
    )
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        total = 0
        for request in requests:
            connection.sendall(request.encode())
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 20"), answer
            total += len(request) + len(answer)
    return total


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _status(service: Governor) -> tuple[int, int]:
    """Leases in the account, and the bytes that the store takes for everything."""
    with urlopen(f"{service.url}/v1/status") as answer:
        status = json.load(answer)
    (account,) = (each for each in status["scopes"] if each["scope"] == "account")
    return account["in_use"], status["store"]["used_memory_bytes"]
