"""The world on disk: one JSON file, always whole, so that a restarted sandbox goes on where it was."""

import json
from dataclasses import asdict
from pathlib import Path

from pixverse_nb.sandbox.accounts import Account
from pixverse_nb.sandbox.orders import Order
from pixverse_nb.sandbox.work import Work
from pixverse_nb.sandbox.world import Generation, Upload, World

FILE = "sandbox.json"


def save(folder: Path, world: World, *, now: float) -> None:
    """Write the world's state into `folder`, by a rename, so that a reader sees the old or the new."""
    state = {
        "now": now,
        "accounts": [asdict(account) for account in world.accounts.values()],
        "uploads": [asdict(upload) for upload in world.uploads.values()],
        "works": [asdict(work) for work in world.works.values()],
        "generations": [asdict(generation) for generation in world.generations],
    }
    part = folder / f"{FILE}.part"
    part.write_text(json.dumps(state), encoding="utf-8")
    part.replace(folder / FILE)


def load(folder: Path, world: World) -> float | None:
    """Fill `world` from `folder` and return the virtual time of the last save; None where nothing was saved.

    Jobs whose film was not finished are rendered again.
    """
    try:
        state = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    world.accounts = {one["email"]: Account(**one) for one in state["accounts"]}
    world.uploads = {one["path"]: Upload(**one) for one in state["uploads"]}
    for one in state["works"]:
        fields = {**one, "order": Order(**one["order"]), "size": tuple(one["size"]), "film_begun": False}
        world.add_work(Work(**fields))
    world.generations = [Generation(**one) for one in state["generations"]]
    return float(state["now"])
