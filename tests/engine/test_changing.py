"""Two engines change their model while they talk."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from app.core.control import ModelReady, ModelWish
from app.core.session import NoCall
from app.core.state import Notice, PeerChanged
from app.engine import changing, conference
from app.engine.changing import ModelNotHere, NotEverybodyHasIt
from app.engine.model import BUNDLED, ModelUnusable, load_model
from app.library.importing import take_in
from app.library.progress import Work
from app.library.store import Store
from codec.model.focalcodec import FocalCodec
from codec.runtime import pace
from tests.codec.conftest import SMALL
from tests.engine.test_agreeing import put
from tests.engine.test_engine import TIMEOUT, Person, connect, hears, people  # noqa: F401
from tests.engine.test_groups import bring, hears_all, see_all


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


def in_call_of(person: Person, do) -> None:
    """Do something with this one's conference, on its network thread."""

    async def on_network() -> None:
        do(person.engine._conference)

    person.engine._network.submit(on_network()).result(TIMEOUT)


def told(person: Person) -> list[str]:
    see_all(person)
    return [event.text for event in person.seen if isinstance(event, Notice)]


def test_two_who_are_ready_do_not_tell_each_other_for_ever(having) -> None:
    alice, bob = having("Alice", BUNDLED, "focal"), having("Bob", BUNDLED, "focal")
    connect(alice, bob)
    assert hears(alice, 1)

    def say_twice(call) -> None:
        for _ in range(2):
            call.lines[0].tell(ModelReady(call.model.offer))

    in_call_of(bob, say_twice)
    assert hears(alice, played(alice) + 12)
    for person in (alice, bob):
        assert person.engine._conference.lines[0].peer.stats().control_received < 30


def test_one_who_cannot_ends_the_change_for_all_and_nobody_begins_it_anew(
    having, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = [having(name, BUNDLED, "focal") for name in ("Alice", "Bob", "Cleo")]
    alice, bob, cleo = three
    connect(alice, bob)
    assert hears(alice, 1)
    bring(alice, cleo)
    for person in three:
        hears_all(person, 2, chunks=1)

    def broken(name: str) -> None:
        raise ModelUnusable

    monkeypatch.setattr(cleo.engine._models, "load", broken)
    alice.engine.change_model("focal").result(TIMEOUT)
    for person in three:
        person.notice("goes on as it was")
    assert hears(alice, played(alice) + 12)
    for person in three:
        assert sum("is being loaded" in words for words in told(person)) <= 1
        assert speaks(person) == 1


def test_changes_there_and_back_do_not_gather_models(having) -> None:
    alice, bob = having("Alice", BUNDLED, "focal"), having("Bob", BUNDLED, "focal")
    connect(alice, bob)
    assert hears(alice, 1)
    for then in ("focal", BUNDLED, "focal"):
        alice.engine.change_model(then).result(TIMEOUT)
        assert_go_on_with(then, alice, bob)
        alice.seen.clear()
        bob.seen.clear()
    for person in (alice, bob):
        assert len(person.engine._conference.call.listening._codecs) == 2


def test_who_asks_again_and_again_is_refused_in_the_end(having) -> None:
    alice, bob = having("Alice", BUNDLED, "focal"), having("Bob", BUNDLED, "focal")
    connect(alice, bob)
    assert hears(alice, 1)
    offers = [own.offer for own in alice.engine._models.own()]

    def ask(call) -> None:
        for _ in range(10):
            for offer in reversed(offers):
                call.lines[0].tell(ModelWish(offer))
                call.lines[0].tell(ModelReady(offer))

    for _ in range(4):
        in_call_of(bob, ask)
        alice.engine.shelf.submit(lambda: None).result(TIMEOUT)
    assert hears(alice, 3)
    assert sum("asks for the model" in words for words in told(alice)) <= 5


def test_who_comes_by_an_invite_of_before_speaks_the_new_model_and_may_change_it(having) -> None:
    three = [having(name, BUNDLED, "focal") for name in ("Alice", "Bob", "Cleo")]
    alice, bob, cleo = three
    connect(alice, bob)
    assert hears(alice, 1)
    invite = alice.engine.invite_another().result(TIMEOUT)
    alice.engine.change_model("focal").result(TIMEOUT)
    for person in (alice, bob):
        person.notice("The call goes on with the model")
    answer = cleo.engine.join(invite.link).result(TIMEOUT)
    alice.engine.accept_answer(answer.link).result(TIMEOUT)
    for person in three:
        hears_all(person, 2)
    assert speaks(cleo) == 2
    for person in three:
        person.seen.clear()
    cleo.engine.change_model(BUNDLED).result(TIMEOUT)
    assert_later_in(1, *three)


def test_a_model_that_is_loaded_after_the_call_is_not_spoken_of(
    having, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = having("Alice", BUNDLED, "focal"), having("Bob", BUNDLED, "focal")
    connect(alice, bob)
    assert hears(alice, 1)
    load, go = alice.engine._models.load, threading.Event()
    monkeypatch.setattr(alice.engine._models, "load", lambda name: go.wait(TIMEOUT) and load(name))
    alice.engine.change_model("focal").result(TIMEOUT)
    alice.engine.hang_up().result(TIMEOUT)
    go.set()
    alice.engine.shelf.submit(lambda: None).result(TIMEOUT)
    in_end = [words for words in told(alice) if "goes on with" in words or "as it was" in words]
    assert in_end == []


def test_a_model_that_takes_for_ever_is_given_up(having, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = having("Alice", BUNDLED, "focal"), having("Bob", BUNDLED, "focal")
    connect(alice, bob)
    assert hears(alice, 1)
    monkeypatch.setattr(changing, "PATIENCE", 0.3)
    monkeypatch.setattr(bob.engine._conference._changes, "told", lambda line, message: None)
    alice.engine.change_model("focal").result(TIMEOUT)
    assert "did not load the model" in alice.notice("in time").text
    assert hears(alice, played(alice) + 3)
