"""The vendor's routes about slots and accounts: /scheduler and /accounts."""

from dataclasses import replace
from typing import Any

from starlette.requests import Request

from pixverse_nb.sandbox.accounts import Account
from pixverse_nb.sandbox.api import raw_id, read_body
from pixverse_nb.sandbox.gate import Desk, Reply
from pixverse_nb.sandbox.orders import Refused
from pixverse_nb.sandbox.rows import running_of


def _running(desk: Desk) -> list[dict[str, Any]]:
    now = desk.stage.clock.now()
    works = [work for work in desk.stage.world.open.values() if work.tracked and work.listed_at <= now]
    return [running_of(work, desk.stage.world.switches, now=now) for work in works]


async def scheduler(desk: Desk, route: str, request: Request) -> Reply:
    """GET /scheduler/"""
    with desk.stage.lock:
        return Reply(200, _running(desk))


async def scheduler_available(desk: Desk, route: str, request: Request) -> Reply:
    """GET /scheduler/available"""
    with desk.stage.lock:
        world = desk.stage.world
        available = [
            {
                "email": account.email,
                "maxJobs": account.max_jobs,
                "executing": world.tracked(account.email),
                "available": world.available(account),
            }
            for account in world.accounts.values()
        ]
        return Reply(200, {"executing": _running(desk), "available": available})


async def scheduler_delete(desk: Desk, route: str, request: Request) -> Reply:
    """DELETE /scheduler/<video_id>: frees the slot and ends callbacks; the generation goes on"""
    video_id = raw_id(request)
    with desk.stage.lock:
        work = desk.stage.world.find(video_id)
        if work is None or not work.is_open or not work.tracked:
            raise Refused(404, f"Unable to locate running {video_id}")
        work.tracked = False
        desk.stage.world.changes += 1
        return Reply(200, running_of(work, desk.stage.world.switches, now=desk.stage.clock.now()))


async def accounts(desk: Desk, route: str, request: Request) -> Reply:
    """GET /accounts"""
    with desk.stage.lock:
        known = desk.stage.world.accounts
        if not known:
            raise Refused(404, "Configuration not found")
        return Reply(200, {email: account.configuration() for email, account in known.items()})


def _known(desk: Desk, request: Request) -> Account:
    account = desk.stage.world.accounts.get(request.path_params["email"])
    if account is None:
        raise Refused(404, "Configuration not found")
    return account


async def account(desk: Desk, route: str, request: Request) -> Reply:
    """GET /accounts/<email>"""
    with desk.stage.lock:
        return Reply(200, _known(desk, request).configuration())


async def account_delete(desk: Desk, route: str, request: Request) -> Reply:
    """DELETE /accounts/<email>"""
    with desk.stage.lock:
        del desk.stage.world.accounts[_known(desk, request).email]
        desk.stage.world.changes += 1
        return Reply(204, None)


async def account_post(desk: Desk, route: str, request: Request) -> Reply:
    """POST /accounts/<email>: configures it and clears a pending 596; the password is looked at and forgotten"""
    email = request.path_params["email"]
    body = await read_body(request)
    max_jobs = body.get("maxJobs", 8)
    if body.get("email") != email:
        raise Refused(400, "Parameter email must be the e-mail of the path")
    if not isinstance(body.get("password"), str) or not body["password"]:
        raise Refused(400, "Parameter password is required")
    if str(max_jobs) not in map(str, range(1, 9)):
        raise Refused(400, "Parameter maxJobs must be 1…8")
    with desk.stage.lock:
        world = desk.stage.world
        before = world.accounts.get(email) or Account(email)
        world.add_account(replace(before, max_jobs=int(max_jobs), pending=False))
        return Reply(201, world.accounts[email].configuration())
