"""Two engines that have several models agree on one, load it, and talk with it."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from safetensors.torch import save_file

from app.core.settings import Settings
from app.core.state import Ended, Idle, Notice, PeerChanged, StateChanged, Talking
from app.engine.model import BUNDLED, Models, ModelUnusable, load_first, load_model
from app.engine.shelf import ModelInUse
from app.library.importing import take_in
from app.library.progress import Work
from app.library.store import Store
from codec.runtime import pace
from codec.runtime.pace import Pace
from tests.engine.test_engine import TIMEOUT, Person, connect, hears, people  # noqa: F401
from tests.models import SMALL_LITE, small_codec

AT_ALL_RATES = (BUNDLED, f"{BUNDLED}@12", f"{BUNDLED}@11")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What models were found to take here is this test's alone."""
    monkeypatch.setattr(pace, "cache_folder", lambda: tmp_path / "runtime")


@pytest.fixture
def slow_red(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer too slow for the model red, as `pace` would find."""
    found = {"red": Pace(0.3, 0.2)}
    measured = pace.measured
    monkeypatch.setattr(
        pace, "measured", lambda codec: found.get(codec.spec.name) or measured(codec)
    )


def put(store: Store, folder: Path, name: str) -> None:
    """A small model, whose weights go by its name, into a store."""
    source = folder / f"source of {name}"
    source.mkdir(parents=True)
    (source / "config.json").write_text(json.dumps({**SMALL_LITE, "name": name}))
    save_file(small_codec(ord(name[0])).state_dict(), source / "model.safetensors")
    take_in(source, store, Work(name, lambda told: None, threading.Event(), lambda: 0.0), name)


@pytest.fixture
def having(people, tmp_path: Path):  # noqa: F811
    def make(name: str, *models: str) -> Person:
        """Somebody who has these models, likes the first best, and has it loaded."""
        store = Store(tmp_path / name, ())
        for model in models:
            if model != BUNDLED:
                put(store, tmp_path / name, model)
        return people(name, codec=load_model(models[0], store), store=store, model=models[0])

    return make


def talks_with(person: Person, model: str) -> bool:
    """Whether both say the call uses that model."""
    known = person.wait_for(lambda e: isinstance(e, PeerChanged) and e.peer.model_name)
    return known.peer.model_name == model


def loading_seen(person: Person) -> list[str]:
    states = [event.state for event in person.seen if isinstance(event, StateChanged)]
    return [state.loading for state in states if isinstance(state, Talking)]


def test_the_callers_best_is_taken_where_the_other_has_it_on_disk(having) -> None:
    alice, bob = having("Alice", "red"), having("Bob", "blue", "red")
    connect(alice, bob)
    assert hears(alice, 3)
    assert hears(bob, 3)
    for person in (alice, bob):
        assert talks_with(person, "red")
    assert "model red" in bob.notice("both sides have").text
    bob.wait_for(lambda e: len(loading_seen(bob)) == 3)
    assert loading_seen(bob) == ["", "red", ""]
    assert loading_seen(alice) == [""]
    assert not any(isinstance(event, Notice) for event in alice.seen)


def test_who_is_called_gets_the_callers_next_where_the_best_is_missing(having) -> None:
    alice, bob = having("Alice", "red", "blue", "green"), having("Bob", "green", "blue")
    connect(alice, bob)
    assert hears(bob, 1)
    for person in (alice, bob):
        assert talks_with(person, "blue")


def test_the_bundled_one_is_common_to_all(having) -> None:
    alice, bob = having("Alice", "red"), having("Bob", BUNDLED)
    connect(alice, bob)
    assert hears(bob, 1)
    bundled = bob.engine._models.own()[0].title
    assert talks_with(alice, bundled)
    assert talks_with(bob, bundled)


def test_a_model_that_cannot_be_loaded_after_all_ends_the_call_in_words(having) -> None:
    alice, bob = having("Alice", "red"), having("Bob", "blue", "red")
    weights = bob.engine.shelf._models.store.folder("red") / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-400:] = bytes(400)
    weights.write_bytes(data)
    connect(alice, bob)
    ended = bob.wait_for_state(Ended).state
    assert ended.failed
    assert "not what they were" in ended.reason
    alice.wait_for_state(Ended)


def test_hung_up_while_the_model_is_loaded(having) -> None:
    alice, bob = having("Alice", "red"), having("Bob", "blue", "red")
    go_on, begun = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        go_on.wait(TIMEOUT)

    waiting = bob.engine.shelf.submit(wait)
    begun.wait(TIMEOUT)
    connect(alice, bob)
    bob.wait_for(lambda e: getattr(getattr(e, "state", None), "loading", ""))
    bob.engine.hang_up().result(TIMEOUT)
    assert not bob.wait_for_state(Ended).state.failed
    go_on.set()
    waiting.result(TIMEOUT)
    bob.engine.shelf.submit(lambda: None).result(TIMEOUT)
    assert bob.engine.reading() is None
    bob.engine.reset()
    assert bob.engine.state == Idle()


def test_a_model_chosen_is_offered_first_in_the_next_call(having) -> None:
    alice, bob = having("Alice", "red", "blue"), having("Bob", "red", "blue")
    alice.engine.choose_model("blue").result(TIMEOUT)
    assert alice.engine.settings.model == "blue"
    connect(alice, bob)
    assert hears(alice, 1)
    assert talks_with(bob, "blue")


def test_one_that_cannot_be_chosen_leaves_the_choice_as_it_was(having) -> None:
    alice = having("Alice", "red", "blue")
    with pytest.raises(ModelUnusable):
        alice.engine.choose_model("green").result(TIMEOUT)
    assert alice.engine.settings.model == "red"


def test_the_chosen_model_is_not_removed_and_another_is_no_longer_offered(having) -> None:
    alice = having("Alice", "red", "blue")
    with pytest.raises(ModelInUse):
        alice.engine.shelf.remove("red").result(TIMEOUT)
    assert [own.name for own in alice.engine._models.own()] == ["red", "blue", *AT_ALL_RATES]
    alice.engine.shelf.remove("blue").result(TIMEOUT)
    assert [own.name for own in alice.engine._models.own()] == ["red", *AT_ALL_RATES]


def test_a_choice_that_is_gone_falls_back_to_the_bundled_model_in_words(tmp_path: Path) -> None:
    store, gone = Store(tmp_path), Settings(name="Ada", model="gone")
    codec, settings, told = load_first(None, gone, store)
    assert settings == Settings(name="Ada", model=BUNDLED)
    assert codec.spec.digest == load_model(BUNDLED, store).spec.digest
    assert told is not None
    assert "gone" in told
    with pytest.raises(ModelUnusable):
        load_first("gone", Settings(), store)


def test_what_is_said_goes_before_what_was_chosen(tmp_path: Path) -> None:
    store = Store(tmp_path, ())
    put(store, tmp_path, "red")
    codec, settings, told = load_first("red", Settings(model="gone"), store)
    assert (codec.spec.name, settings.model, told) == ("red", "red", None)


def test_a_model_is_loaded_once_and_only_two_stay(tmp_path: Path) -> None:
    store = Store(tmp_path, ())
    for name in ("red", "blue", "green"):
        put(store, tmp_path, name)
    models = Models(load_model("red", store), "red", store)
    blue = models.load("blue")
    assert models.load("blue") is blue
    models.load("green")
    assert models.at_hand("blue") is None
    assert models.at_hand("red") is not None


def test_a_rate_of_a_model_on_disk_goes_by_its_name(tmp_path: Path) -> None:
    store = Store(tmp_path, ())
    source = tmp_path / "source"
    source.mkdir()
    (source / "config.json").write_text(json.dumps({**SMALL_LITE, "rates": [12, 16]}))
    save_file(small_codec().state_dict(), source / "model.safetensors")
    work = Work("", lambda told: None, threading.Event(), lambda: 0.0)
    take_in(source, store, work, "nested")
    models = Models(load_model("nested@12", store), "nested@12", store)
    assert [own.name for own in models.own()] == ["nested@12", "nested", *AT_ALL_RATES]
    assert models.load("nested@12").spec.bits_per_code == 12


def test_the_settings_say_what_a_model_is_kept_in(tmp_path: Path) -> None:
    store = Store(tmp_path, ())
    assert load_first(None, Settings(precision="bfloat16"), store)[0].precision == "bfloat16"
    by_itself = load_model(BUNDLED, store).precision
    assert by_itself in ("float16", "float32")
    assert load_model(BUNDLED, store, "of another Undertone").precision == by_itself
    put(store, tmp_path, "red")
    models = Models(load_model(BUNDLED, store), BUNDLED, store, "int8")
    assert models.load("red").precision == "int8"
    assert models.load("red").spec.digest == store.record("red").digest


def test_a_computer_too_slow_for_the_model_is_told_before_the_call(
    tmp_path: Path, slow_red: None
) -> None:
    store = Store(tmp_path, ())
    put(store, tmp_path, "red")
    _, settings, told = load_first(None, Settings(model="red"), store)
    assert settings.model == "red"
    assert told is not None
    assert "500 ms" in told
    assert '"bundled"' in told
    assert load_first(None, Settings(), store)[2] is None


def test_a_model_known_to_be_quick_enough_is_named_before_the_bundled_one(
    tmp_path: Path, slow_red: None
) -> None:
    store = Store(tmp_path, ())
    for name in ("blue", "red"):
        put(store, tmp_path, name)
    assert load_first("blue", Settings(), store)[2] is None
    told = load_first("red", Settings(), store)[2]
    assert told is not None
    assert '"blue"' in told


def test_choosing_a_model_that_is_too_slow_is_told(having, tmp_path: Path, slow_red: None) -> None:
    alice = having("Alice", BUNDLED, "red")
    alice.engine.choose_model("red").result(TIMEOUT)
    words = alice.wait_for(lambda e: isinstance(e, Notice) and e.severity == "warning").text
    assert "too slow" in words


def test_a_model_found_too_slow_is_offered_only_when_it_is_the_chosen_one(
    tmp_path: Path, slow_red: None
) -> None:
    store = Store(tmp_path, ())
    put(store, tmp_path, "red")
    models = Models(load_model(BUNDLED, store), BUNDLED, store)
    assert "red" in [own.name for own in models.own()]
    models.choose("red")
    assert models.too_slow("red") is not None
    assert models.own()[0].name == "red"
    models.choose(BUNDLED)
    assert [own.name for own in models.own()] == list(AT_ALL_RATES)
