"""Under AWS's runtime beside others that want to get before the handler, too."""

import os
from pathlib import Path

import pytest

from governor.demo.environment import LAYER, Attach
from tests.layer.behaviour import denies
from tests.layer.environments import Launch, error_type, journal, messages
from tests.layer.standin import StandIn
from tests.stores import wait_until

DATADOG = "datadog_lambda.handler.handler"
OURS = "governor_layer.handler"
PROBE = "probe.handler"

OTEL_INSTRUMENT = """#!/bin/sh
# As OpenTelemetry's and others' wrappers do it: keep the handler, put one's own in its place, see
# to the import path, become the runtime.
export ORIG_HANDLER="$_HANDLER"
export _HANDLER="otel_wrapper.lambda_handler"
export PYTHONPATH="$LAMBDA_TASK_ROOT:$GOVERNOR_DEMO_OPT:$PYTHONPATH"
exec "$@"
"""


def wrapper(folder: Path, name: str, text: str) -> str:
    """An exec wrapper of the `text`."""
    file = folder / name
    file.write_text(text)
    file.chmod(0o755)
    return str(file)


@pytest.fixture
def otel(tmp_path: Path) -> str:
    """Another vendor's exec wrapper."""
    return wrapper(tmp_path, "otel-instrument", OTEL_INSTRUMENT)


def governed(launch: Launch, standin: StandIn, handler: str, **settings: object) -> list[str]:
    """Who an invocation came by. It must have been governed once, a denied one must not run."""
    environment = launch(standin.url, handler, **settings)
    bodies = [environment.invoke({}).body for _ in range(2)]
    assert {error_type(answer) for answer in [environment.invoke({})]} == {None}
    assert len(set(standin.ids())) == len(standin.paths("POST")) == 3
    wait_until(lambda: len(standin.paths("DELETE")) == 3, "each lease is given back")
    assert messages(environment) == []
    standin.behaviour = denies
    assert error_type(environment.invoke({})) == "ConcurrencyLimitExceeded"
    assert bodies[0]["passed"] == bodies[1]["passed"]
    passed: list[str] = bodies[0]["passed"]
    return passed


@pytest.mark.parametrize("attach", [Attach.WRAPPER, Attach.REDIRECT])
@pytest.mark.parametrize("handler", ["nested/deep/module.handler", "nested.deep.module.handler"])
def test_a_handler_in_a_folder(
    standin: StandIn, launch: Launch, attach: Attach, handler: str
) -> None:
    assert governed(launch, standin, handler, attach=attach) == []


def test_our_wrapper_before_datadogs_handler(standin: StandIn, launch: Launch) -> None:
    settings = {"_HANDLER": DATADOG, "DD_LAMBDA_HANDLER": PROBE}
    assert governed(launch, standin, DATADOG, **settings) == ["datadog"]


def test_our_redirection_before_datadogs(standin: StandIn, launch: Launch) -> None:
    settings = {"GOVERNOR_HANDLER": DATADOG, "DD_LAMBDA_HANDLER": PROBE}
    assert governed(launch, standin, DATADOG, attach=Attach.REDIRECT, **settings) == ["datadog"]


def test_datadogs_redirection_before_ours(standin: StandIn, launch: Launch) -> None:
    settings = {"_HANDLER": DATADOG, "DD_LAMBDA_HANDLER": OURS, "GOVERNOR_HANDLER": PROBE}
    assert governed(launch, standin, PROBE, attach=Attach.NONE, **settings) == ["datadog"]


def test_anothers_wrapper_before_our_handler(standin: StandIn, launch: Launch, otel: str) -> None:
    settings = {"AWS_LAMBDA_EXEC_WRAPPER": otel, "attach": Attach.REDIRECT}
    assert governed(launch, standin, PROBE, **settings) == ["otel"]


def test_our_wrapper_before_anothers_handler(standin: StandIn, launch: Launch) -> None:
    settings = {"ORIG_HANDLER": PROBE}
    assert governed(launch, standin, "otel_wrapper.lambda_handler", **settings) == ["otel"]


@pytest.mark.parametrize("order", ["ours first", "theirs first"])
def test_two_wrappers_in_the_one_slot(
    standin: StandIn, launch: Launch, otel: str, tmp_path: Path, order: str
) -> None:
    ours = os.fspath(LAYER / "governor")
    first, second = (ours, otel) if order == "ours first" else (otel, ours)
    both = wrapper(tmp_path, "both", f'#!/bin/sh\nexec "{first}" "{second}" "$@"\n')
    assert governed(launch, standin, PROBE, AWS_LAMBDA_EXEC_WRAPPER=both) == ["otel"]


def test_a_decorated_handler_behind_all_of_it(standin: StandIn, launch: Launch, otel: str) -> None:
    settings = {"AWS_LAMBDA_EXEC_WRAPPER": otel, "attach": Attach.REDIRECT}
    environment = launch(standin.url, "app.decorated", **settings)
    assert environment.invoke({"until_gone": "/nowhere"}).body == "done"
    assert len(standin.paths("POST")) == 1


def test_a_python_path_that_hides_the_layer(
    standin: StandIn, launch: Launch, tmp_path: Path
) -> None:
    assert governed(launch, standin, PROBE, PYTHONPATH=str(tmp_path)) == []


@pytest.mark.parametrize("value", ["1", "true"])
def test_disabled_the_wrapper_leaves_nothing_behind(
    standin: StandIn, launch: Launch, value: str
) -> None:
    environment = launch(standin.url, GOVERNOR_DISABLED=value)
    seen = environment.invoke({}).body
    assert seen["ours"] == [], "a module of ours was imported"
    assert seen["variables"]["_HANDLER"] == PROBE
    assert "GOVERNOR_HANDLER" not in seen["variables"]
    assert "PYTHONPATH" not in seen["variables"]
    assert standin.requests == []


def test_attached_there_is_something_to_leave(standin: StandIn, launch: Launch) -> None:
    assert "governor_layer" in launch(standin.url).invoke({}).body["ours"]


def test_disabled_a_redirected_function_runs_ungoverned(standin: StandIn, launch: Launch) -> None:
    environment = launch(standin.url, attach=Attach.REDIRECT, GOVERNOR_DISABLED="1")
    assert "pid" in environment.invoke({}).body
    assert standin.requests == []


BAD = {
    "GOVERNOR_URL": ["", "governor:8642", "ftp://governor"],
    "GOVERNOR_TOKEN": ["two words"],
    "GOVERNOR_TIMEOUT_MS": ["soon", "0"],
    "GOVERNOR_WAIT_MS": ["-1"],
    "GOVERNOR_ON_DENIED": ["perhaps"],
}
BAD_SETTINGS = [(variable, value) for variable, values in BAD.items() for value in values]


@pytest.mark.parametrize(("variable", "value"), BAD_SETTINGS)
@pytest.mark.parametrize("attach", [Attach.WRAPPER, Attach.NONE])
def test_open_a_bad_setting_is_told_once_and_harms_nothing(
    standin: StandIn, launch: Launch, attach: Attach, variable: str, value: str
) -> None:
    handler = PROBE if attach is Attach.WRAPPER else "decorated.handler"
    environment = launch(standin.url, handler, attach=attach, **{variable: value})
    assert all("pid" in environment.invoke({}).body for _ in range(3))
    (line,) = journal(environment)
    assert line["message"] == "bad setting"
    assert line["reason"].startswith(variable)
    assert standin.requests == []


@pytest.mark.parametrize(("variable", "value"), BAD_SETTINGS)
@pytest.mark.parametrize("attach", [Attach.WRAPPER, Attach.NONE])
def test_closed_a_bad_setting_fails_the_init_and_is_told(
    standin: StandIn, launch: Launch, attach: Attach, variable: str, value: str
) -> None:
    handler = PROBE if attach is Attach.WRAPPER else "decorated.handler"
    settings = {variable: value, "GOVERNOR_FAIL": "closed"}
    environment = launch(standin.url, handler, attach=attach, **settings)
    answer = environment.invoke({})
    assert error_type(answer) not in {None, "ConcurrencyLimitExceeded"}
    assert variable in answer.body["errorMessage"]
    assert "requestId" not in answer.body or not answer.body["requestId"], "no invocation of it"
    assert standin.requests == []


def test_an_unset_address_is_told(launch: Launch) -> None:
    environment = launch(None)
    assert "pid" in environment.invoke({}).body
    (line,) = journal(environment)
    assert line["reason"].startswith("GOVERNOR_URL")


def test_a_failure_mode_that_is_none_counts_as_open(standin: StandIn, launch: Launch) -> None:
    environment = launch(standin.url, GOVERNOR_FAIL="shut")
    assert "pid" in environment.invoke({}).body
    (line,) = journal(environment)
    assert line["reason"].startswith("GOVERNOR_FAIL")


def test_a_missing_handler_is_told(standin: StandIn, launch: Launch) -> None:
    environment = launch(standin.url, "", attach=Attach.REDIRECT)
    answer = environment.invoke({})
    assert "GOVERNOR_HANDLER" in answer.body["errorMessage"]
