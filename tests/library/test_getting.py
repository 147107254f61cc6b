from __future__ import annotations

import hashlib
import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from app.library import store as store_module
from app.library.download import Patience, writing
from app.library.errors import (
    Cancelled,
    DiskFilled,
    DownloadBroken,
    DownloadDamaged,
    HubBusy,
    HubMakesNoSense,
    HubOffline,
    HubRefuses,
    HubUnreachable,
    NoRoom,
    NoSuchModel,
    NotAModel,
    NotOnHub,
    NotThatModel,
    StoreBusy,
    StoreUnusable,
    VersionChanged,
)
from app.library.getting import get
from app.library.hub import Hub
from codec.weights import load
from tests.library.conftest import ENTRY, REPOSITORY, Getting, files_of
from tests.library.hub_server import COMMIT, Trouble


def test_a_model_comes_is_checked_and_can_be_loaded(getting: Getting) -> None:
    record = getting.get()
    assert record.revision == COMMIT
    assert record.sha256["model.safetensors"] == hashlib.sha256(getting.weights).hexdigest()
    assert load(getting.store.folder("small")).spec.digest == record.digest
    view = getting.store.views()[1]
    assert view.on_disk
    assert view.octets == sum(map(len, getting.server.repositories[REPOSITORY].values()))
    steps = list(dict.fromkeys(progress.step for progress in getting.told))
    assert steps == ["asking", "downloading", "checking", "loading", "preparing"]
    whole = [p for p in getting.told if p.step == "downloading"][-1]
    assert whole.done == whole.total == view.octets


def test_only_the_two_files_are_asked_for_and_nobody_is_named(getting: Getting) -> None:
    getting.server.repositories[REPOSITORY]["pytorch_model.bin"] = b"\x80\x04"
    getting.get()
    asked = {path.rpartition("/")[2] for _, path, _ in getting.server.requests if "resolve" in path}
    assert asked == {"config.json", "model.safetensors"}
    for headers in getting.server.headers_seen:
        assert headers["user-agent"].startswith("undertone/")
        assert "authorization" not in headers


def test_what_is_here_and_sound_is_not_downloaded_again(getting: Getting) -> None:
    first = getting.get()
    before = len(getting.server.requests)
    assert getting.get() == first
    assert len(getting.server.requests) == before


def test_a_connection_that_breaks_is_gone_on_with(getting: Getting) -> None:
    getting.server.troubles = [Trouble(cut_after=5000), Trouble(cut_after=3000)]
    getting.get()
    assert getting.server.ranges() == [None, "bytes=5000-", "bytes=8000-"]


def test_a_server_that_stops_sending_is_asked_again(
    getting: Getting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 1)
    getting.server.troubles = [Trouble(wait_after=6000)]
    getting.get()
    getting.server.go_on.set()
    first, second = getting.server.ranges()
    assert first is None
    assert second is not None
    assert 0 < int(second.removeprefix("bytes=").rstrip("-")) <= 6000


def test_one_that_breaks_again_and_again_is_left_and_taken_up_another_day(getting: Getting) -> None:
    getting.server.troubles = [Trouble(cut_after=5000), *[Trouble(cut_after=0)] * 2]
    with pytest.raises(DownloadBroken):
        getting.get()
    assert getting.part.stat().st_size == 5000
    partial = getting.store.views()[1].partial
    assert partial == 5000 + len(getting.server.repositories[REPOSITORY]["config.json"])
    getting.server.requests.clear()
    getting.get()
    assert getting.server.ranges() == ["bytes=5000-"]


def test_a_server_that_cannot_begin_later_sends_it_all_again(getting: Getting) -> None:
    getting.server.troubles = [Trouble(cut_after=5000)]
    getting.server.knows_ranges = False
    getting.get()
    assert getting.server.ranges() == [None, "bytes=5000-"]
    whole = [p for p in getting.told if p.step == "downloading"][-1]
    assert whole.done == whole.total


def test_stopped_it_ends_soon_and_goes_on_from_there(getting: Getting) -> None:
    getting.server.troubles = [Trouble(wait_after=6000)]
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(getting.get())
        except Cancelled as error:
            outcome.append(error)

    def stop_in_the_middle(progress: object) -> None:
        if getting.part.exists() and getting.part.stat().st_size >= 6000:
            getting.stop.set()
            getting.server.go_on.set()

    getting.on_progress = stop_in_the_middle
    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive() and not getting.stop.is_set():
        stop_in_the_middle(None)
    thread.join()
    assert isinstance(outcome[0], Cancelled)
    came = getting.part.stat().st_size
    assert 6000 <= came < len(getting.weights)
    getting.stop.clear()
    getting.on_progress = lambda progress: None
    getting.server.requests.clear()
    getting.get()
    assert getting.server.ranges() == [f"bytes={came}-"]


def test_stopped_while_it_waits_to_try_again_it_ends_at_once(getting: Getting) -> None:
    getting.server.troubles = [Trouble(status=503)]

    def stop_when_waiting(progress) -> None:
        if progress.waiting:
            getting.stop.set()

    getting.on_progress = stop_when_waiting
    hub = Hub(getting.server.endpoint)
    patience = Patience(tries=1, first_wait=3600.0, longest=7200.0)
    with pytest.raises(Cancelled):
        get("small", getting.store, hub, getting.work(), patience=patience)


def test_damaged_bytes_are_found_and_thrown_away(getting: Getting) -> None:
    getting.server.troubles = [Trouble(cut_after=5000), *[Trouble(cut_after=0)] * 2]
    with pytest.raises(DownloadBroken):
        getting.get()
    with getting.part.open("r+b") as file:
        file.write(b"oops")
    with pytest.raises(DownloadDamaged):
        getting.get()
    assert not getting.part.exists()
    assert not (getting.store.root / "small").exists()
    getting.get()


def test_a_config_that_is_not_the_one_git_knows_is_found(getting: Getting, monkeypatch) -> None:
    monkeypatch.setattr("app.library.getting.git_sha1_of", lambda path: "0" * 40)
    with pytest.raises(DownloadDamaged):
        getting.get()


@pytest.mark.parametrize("more", [1, -1])
def test_a_wrong_size_is_told(getting: Getting, more: int) -> None:
    getting.server.told = {"X-Linked-Size": str(len(getting.weights) + more)}
    with pytest.raises((HubMakesNoSense, DownloadBroken)):
        getting.get()
    assert not (getting.store.root / "small").exists()


def test_a_server_that_tells_no_sha256_is_not_believed(getting: Getting) -> None:
    getting.server.told = {"X-Linked-Etag": '"something-else"'}
    with pytest.raises(HubMakesNoSense, match="sha256"):
        getting.get()


@pytest.mark.parametrize(
    ("repository", "missing"), [("someone/else", None), (REPOSITORY, "model.safetensors")]
)
def test_what_is_not_there_is_told(getting: Getting, repository, missing) -> None:
    getting.server.repositories[REPOSITORY].pop(missing, None)
    getting.store.catalogue = (replace(ENTRY, repository=repository),)
    with pytest.raises(NotOnHub):
        getting.get()


def test_a_busy_server_is_waited_for_as_long_as_it_says(getting: Getting) -> None:
    busy = Trouble(status=429, headers={"Retry-After": "0"})
    getting.server.asking_troubles, getting.server.troubles = [busy], [busy, busy]
    getting.get()
    assert len(getting.server.ranges()) == 3


@pytest.mark.parametrize(
    "headers", [{"Retry-After": "900"}, {"ratelimit": '"resolvers";r=0;t=900'}]
)
def test_one_that_says_much_later_is_not_waited_for(getting: Getting, headers) -> None:
    getting.server.asking_troubles = [Trouble(status=429, headers=headers)]
    with pytest.raises(HubBusy, match="in 900 s"):
        getting.get()


def test_a_server_that_forbids_is_told(getting: Getting) -> None:
    getting.server.asking_troubles = [Trouble(status=403)]
    with pytest.raises(HubRefuses, match="403"):
        getting.get()


def test_a_server_that_is_not_there_is_told(getting: Getting) -> None:
    getting.server.close()
    with pytest.raises(HubUnreachable, match="import the model from files"):
        getting.get()


def test_offline_means_offline(getting: Getting, monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubOffline):
        getting.get()


def test_the_first_version_is_trusted_and_held_to(getting: Getting) -> None:
    getting.get()
    getting.store.remove("small")
    getting.server.repositories[REPOSITORY] = files_of(seed=1)
    with pytest.raises(VersionChanged):
        getting.get()
    getting.server.commit = "beef" * 10
    with pytest.raises(NotOnHub):
        getting.get()
    newer = getting.get(new_version=True)
    assert newer.revision == "beef" * 10
    assert getting.get() == newer


def test_what_the_catalogue_says_holds_against_the_server(getting: Getting) -> None:
    right = {name: hashlib.sha256(data).hexdigest() for name, data in files_of().items()}
    wrong = {**right, "model.safetensors": "0" * 64}
    getting.store.catalogue = (replace(ENTRY, revision=COMMIT, sha256=wrong),)
    with pytest.raises(VersionChanged):
        getting.get()
    getting.store.catalogue = (replace(ENTRY, revision="f" * 40, sha256=right),)
    with pytest.raises(NotOnHub):
        getting.get()
    getting.store.catalogue = (replace(ENTRY, revision=COMMIT, sha256=right),)
    assert getting.get().sha256 == right


def test_half_of_another_version_is_not_gone_on_with(getting: Getting) -> None:
    getting.server.troubles = [Trouble(cut_after=5000), *[Trouble(cut_after=0)] * 2]
    with pytest.raises(DownloadBroken):
        getting.get()
    getting.server.repositories[REPOSITORY] = files_of(seed=1)
    getting.server.commit = "beef" * 10
    getting.server.requests.clear()
    getting.get()
    assert getting.server.ranges() == [None]


def test_weights_that_are_a_pickle_are_never_opened(getting: Getting) -> None:
    getting.server.repositories[REPOSITORY]["model.safetensors"] = b"\x80\x04K\x01." * 200
    with pytest.raises(NotAModel, match="not a safetensors file"):
        getting.get()
    assert not (getting.store.root / "small").exists()


def test_another_model_than_the_one_meant_is_refused(getting: Getting) -> None:
    getting.store.catalogue = (replace(ENTRY, model_id=3, bits=12),)
    with pytest.raises(NotThatModel):
        getting.get()


def test_room_is_looked_for_before(getting: Getting, monkeypatch) -> None:
    usage = shutil._ntuple_diskusage(10**9, 10**9 - 10**6, 10**6)
    monkeypatch.setattr(store_module.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(NoRoom, match="1 MB are free"):
        getting.get()
    assert not getting.server.ranges()


def test_a_disk_that_fills_up_is_told_and_what_came_is_kept(getting, small_disk: Path) -> None:
    on_it = Getting(getting.server, small_disk / "models")
    on_it.store.must_fit = lambda octets: None  # type: ignore[method-assign]
    with pytest.raises(DiskFilled):
        on_it.get()
    came = on_it.part.stat().st_size
    assert 0 < came < len(on_it.weights)
    assert on_it.weights.startswith(on_it.part.read_bytes())


def test_any_trouble_of_the_disk_has_words(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match=r"Is a directory|Permission|denied"), writing(tmp_path):
        tmp_path.write_bytes(b"")


def test_one_at_a_time(getting: Getting, tmp_path: Path) -> None:
    with getting.store.changing(), pytest.raises(StoreBusy):
        Getting(getting.server, tmp_path / "models").get()
    getting.get()


def test_an_unknown_name_is_told_with_those_known(getting: Getting) -> None:
    with pytest.raises(NoSuchModel, match="small"):
        getting.get("large")


def test_what_other_programs_downloaded_is_taken(getting: Getting, tmp_path: Path) -> None:
    kept = tmp_path / "cache" / f"models--{REPOSITORY.replace('/', '--')}"
    snapshot = kept / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for name, data in getting.server.repositories[REPOSITORY].items():
        (snapshot / name).write_bytes(data)
    getting.get()
    assert getting.server.ranges() == []
    assert getting.store.record("small").revision == COMMIT


def test_but_not_when_it_is_damaged_there(getting: Getting, tmp_path: Path) -> None:
    kept = tmp_path / "cache" / f"models--{REPOSITORY.replace('/', '--')}"
    snapshot = kept / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(b"damaged")
    getting.get()
    assert getting.server.ranges() == [None]


def test_pins_that_cannot_be_read_stop_a_download(getting: Getting) -> None:
    getting.get()
    getting.store.remove("small")
    (getting.store.root / ".pins.json").write_text("{")
    with pytest.raises(StoreUnusable, match="damaged"):
        getting.get()


def test_xet_is_not_used_even_where_the_server_offers_it(getting: Getting) -> None:
    getting.server.told = {"X-Xet-Hash": "a" * 64, "X-Xet-Refresh-Route": "/nowhere"}
    getting.get()
    assert getting.server.ranges() == [None]


def test_what_is_written_down_is_json_anyone_can_read(getting: Getting) -> None:
    getting.get()
    pins = json.loads((getting.store.root / ".pins.json").read_text())
    assert pins["small"]["repository"] == REPOSITORY
    assert pins["small"]["revision"] == COMMIT
