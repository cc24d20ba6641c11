"""What the server keeps: made once for all who ask, within a weight, no failure, nothing older than the question."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from api.kept import Kept
from gridmgmt.database.changes import KINDS, Changes
from maps import pages


@dataclass(frozen=True)
class Thing:
    """Something that weighs."""

    name: str
    n_bytes: int = 4


class Told(Changes):
    """Changes that a test tells itself."""

    def tell(self, *kinds: str) -> None:
        self._told(kinds or KINDS)


class Maker:
    """Makes things one by one, each when it may; counts how many are made at once."""

    def __init__(self) -> None:
        self.begun: list[asyncio.Event] = []
        self.at_once = self.most_at_once = 0

    async def __call__(self) -> Thing:
        go_on, n = asyncio.Event(), len(self.begun)
        self.begun.append(go_on)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await go_on.wait()
        self.at_once -= 1
        return Thing(f"made {n}")


async def _turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def _run(test: Callable[[Kept, Told], Awaitable[None]], most_bytes: int = 1000) -> None:
    async def whole() -> None:
        changes = Told("")
        changes.tell()
        await test(Kept(changes, most_bytes), changes)

    asyncio.run(whole())


def test_all_who_ask_at_once_get_the_one_that_is_made() -> None:
    async def test(kept: Kept, changes: Told) -> None:
        make = Maker()
        asking = [asyncio.create_task(kept.of("a", ["facts"], make)) for _ in range(6)]
        await _turn()
        assert len(make.begun) == 1
        make.begun[0].set()
        assert {(await x).name for x in asking} == {"made 0"}
        assert (await kept.of("a", ["facts"], make)).name == "made 0"

    _run(test)


def test_who_asks_after_a_change_waits_for_one_that_knows_it_and_nothing_is_made_twice_at_once() -> None:
    async def test(kept: Kept, changes: Told) -> None:
        make = Maker()
        before = asyncio.create_task(kept.of("a", ["facts"], make))
        await _turn()
        after = []
        for _ in range(5):
            changes.tell("facts")
            after.append(asyncio.create_task(kept.of("a", ["facts"], make)))
            await _turn()
        assert len(make.begun) == 1, "the second waits until the first is made"
        make.begun[0].set()
        assert (await before).name == "made 0"
        await _turn()
        changes.tell("facts")  # nobody who waits need know of this one: none of them waits longer
        await _turn()
        make.begun[1].set()
        assert {(await x).name for x in after} == {"made 1"}
        assert make.most_at_once == 1

    _run(test)


def test_only_a_change_of_what_it_is_made_of_drops_a_thing() -> None:
    async def test(kept: Kept, changes: Told) -> None:
        made: list[str] = []

        async def make() -> Thing:
            made.append("x")
            return Thing("x")

        for told, n in (("places", 1), ("facts", 2), ("places", 2), ("facts", 3)):
            changes.tell(told)
            await kept.of("a", ["facts", "day"], make)
            assert len(made) == n

    _run(test)


def test_a_failure_is_told_to_all_and_tried_again() -> None:
    async def test(kept: Kept, changes: Told) -> None:
        async def fail() -> Thing:
            await asyncio.sleep(0)
            raise ValueError("no city")

        asking = [asyncio.create_task(kept.of("a", ["facts"], fail)) for _ in range(2)]
        for x in asking:
            with pytest.raises(ValueError, match="no city"):
                await x
        make = Maker()
        again = asyncio.create_task(kept.of("a", ["facts"], make))
        await _turn()
        make.begun[0].set()
        assert (await again).name == "made 0"

    _run(test)


def test_who_leaves_takes_nothing_from_those_who_wait() -> None:
    async def test(kept: Kept, changes: Told) -> None:
        make = Maker()
        leaving, staying = (asyncio.create_task(kept.of("a", ["facts"], make)) for _ in range(2))
        await _turn()
        leaving.cancel()
        await _turn()
        make.begun[0].set()
        assert (await staying).name == "made 0"

    _run(test)


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    async def test(kept: Kept, changes: Told) -> None:
        made: list[str] = []

        def maker(name: str, n_bytes: int = 4) -> Callable[[], Awaitable[Thing]]:
            async def make() -> Thing:
                made.append(name)
                return Thing(name, n_bytes)

            return make

        for name in ("a", "b", "a", "c"):
            await kept.of(name, ["facts"], maker(name))
        assert made == ["a", "b", "c"]
        for name in ("a", "c", "b"):
            await kept.of(name, ["facts"], maker(name))
        assert made == ["a", "b", "c", "b"]
        assert (await kept.of("large", ["facts"], maker("large", 11))).name == "large", "given, though not kept"
        await kept.of("large", ["facts"], maker("large", 11))
        assert made[-2:] == ["large", "large"]
        await kept.of("b", ["facts"], maker("b"))
        assert made[-1] == "large", "and nothing else went for it"
        await kept.of("d", ["facts"], maker("d"))
        await kept.of("d", ["facts"], maker("d"))
        assert made[-1] == "d", "the weight of what went is not counted"
        assert made.count("d") == 1

    _run(test, most_bytes=10)


def test_nothing_is_kept_once_nobody_tells_changes() -> None:
    async def test(kept: Kept, changes: Told) -> None:
        made: list[str] = []

        async def make() -> Thing:
            made.append("x")
            return Thing("x")

        await kept.of("a", ["facts"], make)
        changes.when_lost()
        await kept.of("a", ["facts"], make)
        assert len(made) == 2

    _run(test)


def test_a_choropleth_is_drawn_once_for_each_figure_and_language(client, monkeypatch) -> None:
    drawn, draw = [], pages.choropleth
    monkeypatch.setattr(pages, "choropleth", lambda *args, **more: drawn.append(more["lang"]) or draw(*args, **more))
    one = client.get("/maps/choropleth?indicator=closing_rate&lang=zh")
    two = client.get("/maps/choropleth?indicator=closing_rate&lang=zh")
    assert (one.status_code, two.text, two.headers["ETag"]) == (200, one.text, one.headers["ETag"])
    assert two.headers["Content-Security-Policy"] == one.headers["Content-Security-Policy"]
    assert drawn == ["zh"]
    client.get("/maps/choropleth?indicator=closing_rate&lang=en")
    client.get("/maps/choropleth?indicator=n_due&lang=zh")
    assert drawn == ["zh", "en", "zh"]
