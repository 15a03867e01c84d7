"""Whether a create call is accepted, for which account, at what price; in the order in which the vendor looks."""

import uuid
from dataclasses import replace
from typing import Final

from pixverse_nb.sandbox.accounts import Account
from pixverse_nb.sandbox.orders import SEED_MAX, Order, Refused
from pixverse_nb.sandbox.work import COMPLETED, FAILED, MODERATED, Work, life_of
from pixverse_nb.sandbox.world import World, pending_error

MARK_REFUSED: Final = "[[moderated]]"  # in a prompt: 422 at once
MARK_MODERATED: Final = "[[moderated-later]]"  # accepted, then MODERATED and refunded
MARK_FAILED: Final = "[[failed]]"  # accepted, then FAILED
MARK_STUCK: Final = "[[stuck]]"  # accepted, then GENERATING for ever
_ALL_BUSY: Final = "All configured accounts are running at maximum capacity."


def accept(world: World, order: Order, *, now: float, stamp: float) -> Work:
    """Accept `order` and take its credits, or raise Refused."""
    order = _with_pictures(world, order)
    account = _account_for(world, order)
    if MARK_REFUSED in order.prompt:
        raise Refused(422, "Your prompt has triggered our AI moderator, please re-enter your prompt")
    if world.upstream(account.email) >= account.plan_jobs:
        raise _busy(world, "Reached the limit for concurrent generations.")
    cost = order.price(world.switches.prices)
    if account.balance < cost:
        raise Refused(412, "All Credits have been used up. Please upgrade your membership or purchase credits.")
    work = _accepted(world, order, account, cost, now=now, stamp=stamp)
    world.add_work(work)
    return work


def _with_pictures(world: World, order: Order) -> Order:
    for name, path in (("first_frame_path", order.first_path), ("last_frame_path", order.last_path)):
        if path is not None and path not in world.uploads:
            raise Refused(400, f"Parameter {name} is not the path of an upload")
    if order.img_id is None:
        return order
    named = [upload.path for upload in world.uploads.values() if upload.id == order.img_id]
    if not named:
        raise Refused(400, "Parameter img_id is not the id of an upload")
    return replace(order, first_path=order.first_path or named[0])


def _account_for(world: World, order: Order) -> Account:
    """Return the named account, the only one, or any with a free slot; Refused(404, 429 or 596) without one."""
    if order.email is not None or len(world.accounts) < 2:
        candidates = [world.ready_account(order.email)]
    else:
        candidates = [account for account in world.accounts.values() if not account.pending]
        if not candidates:
            raise pending_error("of every account")
    free = [one for one in candidates if world.tracked(one.email) < (order.max_jobs or one.max_jobs)]
    if not free and order.email is not None:
        slots = order.max_jobs or candidates[0].max_jobs
        raise _busy(world, f"Account {order.email} is busy executing {slots} tasks.")
    if not free:
        raise _busy(world, _ALL_BUSY)
    return world.chance.choice(free)


def _busy(world: World, text: str) -> Refused:
    return Refused(429, text, retry_after_s=world.switches.retry_after_s)


def _accepted(world: World, order: Order, account: Account, cost: int, *, now: float, stamp: float) -> Work:
    number = world.next_number()
    seed = order.seed or world.chance.randint(1, SEED_MAX)
    wait_s, make_s = life_of(order, seed, world.switches)
    marked = [end for mark, end in ((MARK_MODERATED, MODERATED), (MARK_FAILED, FAILED)) if mark in order.prompt]
    return Work(
        number=number,
        video_id=f"user:{world.user}-pixverse:{account.email}-video:{number}",
        email=account.email,
        account_number=account.number,
        order=order,
        seed=seed,
        cost=cost,
        paid=account.spend(cost),
        film=str(uuid.uuid4()),
        created_at=now,
        created_stamp=stamp,
        listed_at=now,
        starts_at=now + wait_s,
        due_at=now + wait_s + make_s,
        outcome=marked[0] if marked else COMPLETED,
        stuck=MARK_STUCK in order.prompt,
    )
