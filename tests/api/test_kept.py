"""Answers that are made once: one making for all who ask, within a weight, and no failure is kept."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import Response

from api.kept import Kept
from maps import pages


def test_all_who_ask_at_once_get_the_one_that_is_made() -> None:
    kept, made, begun, go_on = Kept(), list[str](), threading.Event(), threading.Event()

    def make() -> Response:
        made.append("x")
        begun.set()
        assert go_on.wait(10)
        return Response("page", headers={"X-Of": "one"})

    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(kept.answer, "a", make)
        assert begun.wait(10)
        others = [pool.submit(kept.answer, "a", make) for _ in range(5)]
        go_on.set()
        answers = [f.result(10) for f in (first, *others)]
    assert made == ["x"]
    assert {(a.body, a.headers["X-Of"]) for a in answers} == {(b"page", "one")}
    assert len({id(a) for a in answers}) == 6, "what one reader's answer is given besides is not another's"


def test_a_failure_is_told_and_tried_again() -> None:
    kept = Kept()

    def fail() -> Response:
        raise ValueError("no city")

    for _ in range(2):
        with pytest.raises(ValueError, match="no city"):
            kept.answer("a", fail)
    assert kept.answer("a", lambda: Response("there")).body == b"there"


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    kept = Kept(most_bytes=10)
    for tag in ("a", "b", "a", "c"):
        kept.answer(tag, lambda tag=tag: Response(tag * 4))
    made = []
    for tag in ("a", "c", "b"):
        kept.answer(tag, lambda tag=tag: made.append(tag) or Response(tag * 4))
    assert made == ["b"]


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
