"""Two engines change their model while they talk."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from app.core.session import NoCall
from app.core.state import Notice, PeerChanged
from app.engine import conference
from app.engine.changing import ModelNotHere, NotEverybodyHasIt
from app.engine.model import BUNDLED, load_model
from app.library.importing import take_in
from app.library.progress import Work
from app.library.store import Store
from codec.model.focalcodec import FocalCodec
from codec.runtime import pace
from tests.codec.conftest import SMALL
from tests.engine.test_agreeing import put
from tests.engine.test_engine import TIMEOUT, Person, connect, hears, people  # noqa: F401


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "cache_folder", lambda: tmp_path / "runtime")


def put_focal(store: Store, folder: Path) -> None:
    """A small model of the published kind, the same in every store, called "focal"."""
    source = folder / "source of focal"
    source.mkdir(parents=True)
    torch.manual_seed(0)
    (source / "config.json").write_text(json.dumps(SMALL))
    save_file(FocalCodec(SMALL).state_dict(), source / "model.safetensors")
    take_in(
        source, store, Work("focal", lambda told: None, threading.Event(), lambda: 0.0), "focal"
    )


@pytest.fixture
def having(people, tmp_path: Path):  # noqa: F811
    def make(name: str, *models: str) -> Person:
        store = Store(tmp_path / name, ())
        for model in models:
            if model == "focal":
                put_focal(store, tmp_path / name)
            elif model != BUNDLED:
                put(store, tmp_path / name, model)
        return people(name, codec=load_model(models[0], store), store=store, model=models[0])

    return make


def played(person: Person) -> int:
    reading = person.engine.reading()
    return reading.chunks_played if reading is not None else 0


def speaks(person: Person) -> int:
    """The kind of model this one speaks."""
    return person.engine._conference.call.codec.spec.model_id


def title_of(person: Person, name: str) -> str:
    return next(own.title for own in person.engine._models.own() if own.name == name)


def assert_go_on_with(name: str, *all_of_them: Person) -> None:
    """All say that this model is used, and hear one another in it."""
    title = title_of(all_of_them[0], name)
    for person in all_of_them:
        person.notice(f"goes on with the model {title}")
        person.wait_for(lambda e: isinstance(e, PeerChanged) and e.peer.model_name == title)
    for person in all_of_them:
        person.engine.shelf.submit(lambda: None).result(TIMEOUT)  # The encoder is warm by then.
    for person in all_of_them:
        assert hears(person, played(person) + 8)
        assert not any(
            isinstance(event, Notice) and event.severity != "info" for event in person.seen
        )


@pytest.mark.parametrize(("first", "then", "kind"), [("focal", BUNDLED, 1), (BUNDLED, "focal", 2)])
def test_one_asks_and_both_go_on_with_another_model(having, first, then, kind) -> None:
    alice, bob = having("Alice", first, then), having("Bob", first, then)
    connect(alice, bob)
    assert hears(alice, 3)
    assert hears(bob, 3)
    alice.engine.change_model(then).result(TIMEOUT)
    bob.notice("Alice asks for the model")
    assert_go_on_with(then, alice, bob)
    assert (speaks(alice), speaks(bob)) == (kind, kind)


def test_both_may_ask_at_once(having) -> None:
    alice, bob = having("Alice", "focal", BUNDLED), having("Bob", "focal", BUNDLED)
    connect(alice, bob)
    assert hears(alice, 1)
    asked = [each.engine.change_model(BUNDLED) for each in (alice, bob)]
    for each in asked:
        each.result(TIMEOUT)
    assert_go_on_with(BUNDLED, alice, bob)


def test_a_change_can_be_changed_back(having) -> None:
    alice, bob = having("Alice", "focal", BUNDLED), having("Bob", "focal", BUNDLED)
    connect(alice, bob)
    assert hears(alice, 1)
    alice.engine.change_model(BUNDLED).result(TIMEOUT)
    assert_go_on_with(BUNDLED, alice, bob)
    alice.seen.clear()
    bob.seen.clear()
    bob.engine.change_model("focal").result(TIMEOUT)
    assert_go_on_with("focal", alice, bob)
    assert (speaks(alice), speaks(bob)) == (2, 2)


def test_what_cannot_be_is_refused_in_words_and_the_call_goes_on(having) -> None:
    alice, bob = having("Alice", BUNDLED, "focal"), having("Bob", BUNDLED)
    with pytest.raises(NoCall):
        alice.engine.change_model(BUNDLED).result(TIMEOUT)
    connect(alice, bob)
    assert hears(alice, 1)
    with pytest.raises(ModelNotHere):
        alice.engine.change_model("gone").result(TIMEOUT)
    with pytest.raises(NotEverybodyHasIt):
        alice.engine.change_model("focal").result(TIMEOUT)
    assert hears(alice, played(alice) + 3)
    assert speaks(alice) == 1


def test_models_whose_packets_look_alike_are_not_changed_between(having) -> None:
    alice, bob = having("Alice", "red", BUNDLED), having("Bob", "red", BUNDLED)
    connect(alice, bob)
    assert hears(alice, 1)
    alice.engine.change_model(BUNDLED).result(TIMEOUT)
    alice.notice("goes on as it was")
    bob.notice("goes on as it was")
    assert hears(bob, played(bob) + 3)


def test_a_machine_that_is_too_busy_asks_for_a_lighter_model(
    having, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conference, "LOOK_SECONDS", 0.05)
    alice, bob = having("Alice", "focal", BUNDLED), having("Bob", "focal", BUNDLED)
    models = alice.engine._models
    lighter = next(own for own in models.own() if own.name == BUNDLED)
    connect(alice, bob)
    assert hears(alice, 1)
    call = alice.engine._conference.call
    strain = type(call).strain
    is_focal = lambda: call.codec.spec.model_id == 2  # noqa: E731

    def heavy(called) -> object:
        found = strain(called)
        return type(found)(1.5 if called is call and is_focal() else 0.1)

    monkeypatch.setattr(type(call), "strain", heavy)
    monkeypatch.setattr(models, "lighter", lambda codec, have: lighter if is_focal() else None)
    assert "goes on with" in alice.notice("too busy").text
    bob.notice("Alice asks for the model")
    assert_later_in(1, alice, bob)


def assert_later_in(kind: int, *all_of_them: Person) -> None:
    for person in all_of_them:
        person.notice("The call goes on with the model")
        person.engine.shelf.submit(lambda: None).result(TIMEOUT)
        assert speaks(person) == kind
        assert hears(person, played(person) + 5)
