"""The command line: parse, call, print. Every option is also read from `GOVERNOR_<OPTION>`."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import quote

import click

from governor import __version__
from governor.errors import GovernorError, InvalidInputError, SettingsError
from governor.settings import EMBEDDED, ServeSettings, parse_address

if TYPE_CHECKING:
    from governor.client import Api

F = TypeVar("F", bound=Callable[..., Any])

DONE, FINDING, WRONG_USE = 0, 1, 2
"""Exit statuses."""


def option(name: str, **settings: Any) -> Callable[[F], F]:
    """Return an option that is also read from the environment."""
    variable = "GOVERNOR_" + name.lstrip("-").upper().replace("-", "_")
    return click.option(name, envvar=variable, show_envvar=True, **settings)


def api_options(command: F) -> F:
    """Add the options of commands that talk to a running governor."""
    command = option("--token", help="Bearer token, if the governor wants one.")(command)
    return option(
        "--url", default="http://127.0.0.1:8642", show_default=True, help="The governor's address."
    )(command)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def data_dir() -> Path:
    """Return where the embedded store keeps its data unless told otherwise (XDG)."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "governor"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="governor")
def governor() -> None:
    """Max Concurrency for AWS Lambda functions and groups, without reserving."""


@governor.command()
@option("--listen", default="127.0.0.1:8642", show_default=True, help="Address and port.")
@option(
    "--store",
    default=EMBEDDED,
    show_default=True,
    help="embedded, or a URL: redis://, rediss://, unix://, redis+cluster://, redis+sentinel://.",
)
@option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=data_dir,
    show_default="~/.local/state/governor",
    help="Where the embedded store keeps its data.",
)
@option("--pool", default="default", show_default=True, help="Name of the pool in the store.")
@option(
    "--policy",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Policy to load (YAML or JSON); a file that was loaded before is not loaded again.",
)
@option(
    "--tokens",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of roles and SHA-256 digests of tokens.",
)
@option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that share the port.",
)
def serve(listen: str, pool: str, **rest: Any) -> None:
    """Run the service."""
    # Imported where it is used, so that each command starts fast and the service stays small.
    from governor.service.supervisor import serve as run  # noqa: PLC0415

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    run(ServeSettings(listen=parse_address(listen), pool=pool, **rest))


@governor.command()
@api_options
@json_option
def status(url: str, token: str | None, *, as_json: bool) -> None:
    """Show every scope: who uses how much of what."""
    from governor.printing import print_json, print_status  # noqa: PLC0415 - as above

    answer = _call(url, token, "GET", "/v1/status")
    (print_json if as_json else print_status)(answer)


@governor.command()
@click.option(
    "-f",
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    required=True,
    help="The policy, YAML or JSON.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change and change nothing.")
@api_options
@json_option
def apply(path: Path, url: str, token: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Make the policy in a file the pool's policy; show what changes."""
    from governor.printing import print_changes, print_json  # noqa: PLC0415 - as above

    kind = "json" if path.suffix == ".json" else "yaml"
    answer = _call(
        url,
        token,
        "PUT",
        "/v1/policy",
        params={"dry_run": "true" if dry_run else "false"},
        data=path.read_bytes(),
        headers={"Content-Type": f"application/{kind}"},
    )
    (print_json if as_json else print_changes)(answer)


@governor.group("set")
def set_() -> None:
    """Change some limits of a function, a group or the account; add it if it is new."""


@governor.group("get")
def get() -> None:
    """Show the limits of a function, a group or the account."""


class Limit(click.ParamType[int | str]):
    """A number, or `none` for no limit."""

    name = "N|none"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Return the number, or "none"."""
        if value == "none":
            return "none"
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor 'none'", param, ctx)


max_option = click.option("--max-concurrency", type=Limit(), help="Its Max Concurrency.")
headroom_option = click.option(
    "--headroom", type=click.IntRange(0), help="What only user-facing functions may take."
)
mode_option = click.option(
    "--mode", type=click.Choice(["enforce", "shadow"]), help="shadow: count, deny nothing."
)


@set_.command("function")
@click.argument("name")
@max_option
@click.option("--priority", type=click.Choice(["user-facing", "background"]))
@click.option("--group", "groups", multiple=True, metavar="NAME[=WEIGHT]", help="May be repeated.")
@mode_option
@click.option("--max-attempts", type=Limit(), help="An attempt this high is never denied.")
@click.option("--shared/--not-shared", default=None, help="Whether it draws on the shared pool.")
@api_options
def set_function(
    name: str, url: str, token: str | None, groups: tuple[str, ...], **fields: Any
) -> None:
    """Change limits of a function."""
    if groups:
        fields["groups"] = _weights(groups)
    _patch(url, token, f"/v1/functions/{_segment(name)}", fields)


@set_.command("group")
@click.argument("name")
@max_option
@headroom_option
@mode_option
@click.option("--member", "members", multiple=True, metavar="GLOB", help="May be repeated.")
@api_options
def set_group(
    name: str, url: str, token: str | None, members: tuple[str, ...], **fields: Any
) -> None:
    """Change limits of a group."""
    if members:
        fields["members"] = {"functions": list(members)}
    _patch(url, token, f"/v1/groups/{_segment(name)}", fields)


@set_.command("account")
@max_option
@headroom_option
@mode_option
@api_options
def set_account(url: str, token: str | None, **fields: Any) -> None:
    """Change limits of the account."""
    _patch(url, token, "/v1/account", fields)


@get.command("function")
@click.argument("name")
@api_options
def get_function(name: str, url: str, token: str | None) -> None:
    """Show a function's limits."""
    _print(_call(url, token, "GET", f"/v1/functions/{_segment(name)}"))


@get.command("group")
@click.argument("name")
@api_options
def get_group(name: str, url: str, token: str | None) -> None:
    """Show a group's limits."""
    _print(_call(url, token, "GET", f"/v1/groups/{_segment(name)}"))


@get.command("account")
@api_options
def get_account(url: str, token: str | None) -> None:
    """Show the account's limits."""
    _print(_call(url, token, "GET", "/v1/account"))


@get.command("policy")
@api_options
def get_policy(url: str, token: str | None) -> None:
    """Show the whole policy."""
    _print(_call(url, token, "GET", "/v1/policy"))


@governor.command()
@option("--seconds", type=click.IntRange(3, 600), default=15, show_default=True, help="Of load.")
@option("--headless", is_flag=True, help="No moving picture: lines for a log.")
def demo(*, seconds: int, headless: bool) -> None:
    """Show it all at work on AWS's own runtime, on this machine only."""
    from rich.console import Console  # noqa: PLC0415 - as above

    from governor.demo.show import DemoSetupError, show  # noqa: PLC0415 - as above

    try:
        went_well = show(seconds, Console(highlight=False), headless=headless)
    except DemoSetupError as error:
        raise click.ClickException(str(error)) from error
    if not went_well:
        sys.exit(FINDING)


def _weights(groups: tuple[str, ...]) -> dict[str, int]:
    weights = {}
    for group in groups:
        name, _, weight = group.partition("=")
        try:
            weights[name] = int(weight or 1)
        except ValueError:
            raise click.BadParameter(
                f"{group!r}: the weight is no number", param_hint="--group"
            ) from None
    return weights


def _patch(url: str, token: str | None, path: str, given: dict[str, Any]) -> None:
    """Change the `given` fields of an entry, or make a new entry of them; print it."""
    fields = {name: value for name, value in given.items() if value is not None}
    if not fields:
        raise click.UsageError("nothing to change: name at least one option")
    patch = {name: None if value == "none" else value for name, value in fields.items()}
    _print(_run(url, token, lambda api: api.change(path, patch)))


def _call(url: str, token: str | None, method: str, path: str, **options: Any) -> Any:
    return _run(url, token, lambda api: api.call(method, path, **options))


def _run(url: str, token: str | None, talk: "Callable[[Api], Coroutine[Any, Any, Any]]") -> Any:
    from governor.client import Api  # noqa: PLC0415 - as above

    async def session() -> Any:
        async with Api(url, token) as api:
            return await talk(api)

    return asyncio.run(session())


def _segment(name: str) -> str:
    return quote(name, safe="")


def _print(value: object) -> None:
    from governor.printing import print_json  # noqa: PLC0415 - as above

    print_json(value)


def main() -> NoReturn:
    """Run a command; exit with 0 if done, 1 for a finding or a refusal, 2 for wrong use."""
    try:
        status = governor.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(WRONG_USE)
    except (SettingsError, InvalidInputError) as error:
        click.echo(f"governor: {error}", err=True)
        sys.exit(WRONG_USE)
    except GovernorError as error:
        click.echo(f"governor: {error}", err=True)
        sys.exit(FINDING)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    sys.exit(status or DONE)
