"""The codec models of this end: the one chosen and those on disk, loaded when a call needs them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from app.core.errors import UndertoneError
from app.core.models import MAX_OFFERS, ModelOffer
from app.core.settings import Settings
from app.library.errors import ModelChanged, ModelsError
from app.library.store import BUNDLED, OnDisk, Store
from codec.errors import CodecError
from codec.model.codec import Codec
from codec.runtime.choice import FEW_WEIGHTS
from codec.runtime.loading import load_to_stream
from codec.runtime.pace import Pace, known_pace, pace_of
from codec.runtime.products import PRECISIONS, Precision

MUCH_LESS = 0.6
"""Of a model's time, what another may take to be a relief."""


class ModelUnusable(UndertoneError):
    """The codec model could not be loaded."""


def load_model(name: str, store: Store | None = None, precision: str = "auto") -> Codec:
    """The model called `name` on this computer, or in the folder `name`, ready for streams.

    `name@12` is the model at 12 bits a code, where it has that rate. `precision` is one of
    `settings.PRECISION_NAMES`. Raises ModelUnusable.
    """
    # A chunk is too little work to share: torch's threads would cost more than they bring, and
    # take the core the sound callbacks need.
    torch.set_num_threads(1)
    store = store or Store()
    bare, at, bits = name.partition("@")
    try:
        if bare != BUNDLED and bare in store.known():
            return _as_recorded(store, bare, at + bits, precision)
        return load_to_stream(name, precision=_asked(precision))
    except (CodecError, ModelsError) as error:
        raise ModelUnusable(str(error)) from error


def load_first(
    said: str | None, settings: Settings, store: Store
) -> tuple[Codec, Settings, str | None]:
    """The model to begin with: the one `said` for this time, else the one in the settings.

    Where that of the settings cannot be had it is the bundled one, and a sentence says so; one that
    was said has to be had. A sentence says too when this computer is too slow for it. Returns the
    codec, the settings with its name, and the sentence. Raises ModelUnusable.
    """
    in_precision = settings.precision
    try:
        codec = load_model(said or settings.model, store, in_precision)
        now = replace(settings, model=said or settings.model)
        return codec, now, too_slow(codec, now.model, store)
    except ModelUnusable as error:
        if said is not None or settings.model == BUNDLED:
            raise
        told = f"The model chosen cannot be used, so the bundled one is: {error}"
        bundled = load_model(BUNDLED, store, in_precision)
        return bundled, replace(settings, model=BUNDLED), told


def _as_recorded(store: Store, name: str, rate: str, precision: str) -> Codec:
    record = store.record(name)
    codec = load_to_stream(f"{store.folder(name)}{rate}", precision=_asked(precision))
    if codec.spec.digest != record.digest:
        raise ModelChanged(name)
    return codec


def _asked(precision: str) -> Precision | None:
    """None for "auto", and for what the settings of another Undertone may have named."""
    return next((known for known in PRECISIONS if known == precision), None)


def too_slow(codec: Codec, name: str, store: Store | None) -> str | None:
    """In a sentence, that this computer cannot keep up with a loaded model, and which one it can.

    None where it can. Measures for up to some seconds what was not measured here before.
    """
    pace = pace_of(codec)
    if pace.keeps_up():
        return None
    told = (
        f"This computer is too slow for the model {codec.spec.name}: each 80 ms of speech take it "
        f"{_ms(pace)} to encode and decode. Calls will stutter."
    )
    instead = quick_enough(store)
    if instead is None or instead[0].partition("@")[0] == name.partition("@")[0]:
        return told
    return f'{told} Choose the model "{instead[0]}", which takes {_ms(instead[1])}.'


def quick_enough(store: Store | None) -> tuple[str, Pace] | None:
    """The best model on disk that is known to keep up here, else the bundled one if it does."""
    for model in store.on_disk() if store is not None else ():
        known = known_pace(model.offer.model_id, model.offer.digest)
        if known is not None and known.keeps_up():
            return model.name, known
    pace = pace_of(load_model(BUNDLED))
    return (BUNDLED, pace) if pace.keeps_up() else None


def _ms(pace: Pace) -> str:
    return f"{1000 * pace.seconds:.0f} ms"


@dataclass(frozen=True)
class OwnModel:
    """A model this end can speak with. `output_rate` is 0 where only loading would tell."""

    name: str
    title: str
    offer: ModelOffer
    output_rate: int = 0


def _may_keep_up(offer: ModelOffer) -> bool:
    known = known_pace(offer.model_id, offer.digest)
    return known is None or known.keeps_up()


class Models:
    """The models of one engine: `codec`, loaded already and called `name`, and those in `store`.

    The chosen one and the last one a call needed stay loaded. Any thread may call.
    """

    def __init__(
        self, codec: Codec, name: str, store: Store | None = None, precision: str = "auto"
    ) -> None:
        self.store, self._precision = store, precision
        self._lock = threading.Lock()
        self._chosen = name
        self._loaded = {name: codec}
        self._on_disk: tuple[OnDisk, ...] = ()
        self.look()

    @property
    def chosen(self) -> str:
        """The name of the model that is used where the other end has it too."""
        return self._chosen

    def look(self) -> None:
        """See what is on disk now. Reads files."""
        if self.store is not None:
            self._on_disk = self.store.on_disk()

    def own(self) -> tuple[OwnModel, ...]:
        """What to offer: the chosen model first, then the others, best first.

        But for the one chosen and the bundled one, none that is known to be too slow here.
        """
        with self._lock:
            spec = self._loaded[self._chosen].spec
            first = OwnModel(
                self._chosen, spec.name, ModelOffer(spec.model_id, spec.digest), spec.output_rate
            )
        others = (
            OwnModel(each.name, each.title, each.offer)
            for each in self._on_disk
            if each.name.partition("@")[0] == BUNDLED or _may_keep_up(each.offer)
        )
        different = (each for each in others if each.offer != first.offer)
        return (first, *different)[:MAX_OFFERS]

    def too_slow(self, name: str) -> str | None:
        """As the function of this name, of a model that is loaded."""
        codec = self.at_hand(name)
        return None if codec is None else too_slow(codec, name, self.store)

    def lighter(self, codec: Codec, others_have: Callable[[ModelOffer], bool]) -> OwnModel | None:
        """The best model that takes much less than this one here, of those that others have too.

        The bundled one is taken to be lighter than a large one without having been measured.
        """
        now = known_pace(codec.spec.model_id, codec.spec.digest)
        for own in self.own():
            offer = own.offer
            known = known_pace(offer.model_id, offer.digest)
            light = (
                known.seconds <= MUCH_LESS * now.seconds
                if known is not None and now is not None
                else own.name == BUNDLED and (codec.weights or 0) >= FEW_WEIGHTS
            )
            if light and offer.digest != codec.spec.digest and others_have(offer):
                return own
        return None

    def at_hand(self, name: str) -> Codec | None:
        """A model that is loaded; None when it is not."""
        with self._lock:
            return self._loaded.get(name)

    def load(self, name: str) -> Codec:
        """A model, loaded if it was not; for a large one that takes seconds.

        Raises ModelUnusable.
        """
        codec = self.at_hand(name)
        if codec is None:
            if self.store is None:
                raise ModelUnusable(f'There is no model "{name}" here.')
            codec = load_model(name, self.store, self._precision)
            with self._lock:
                kept = self._loaded[self._chosen]
                self._loaded = {self._chosen: kept, name: codec}
        return codec

    def choose(self, name: str) -> None:
        """Use this model from the next call on; loads it. Raises ModelUnusable."""
        codec = self.load(name)
        with self._lock:
            self._chosen = name
            self._loaded = {**self._loaded, name: codec}

    def forget(self, name: str) -> None:
        """Let go of a model that is not the chosen one."""
        with self._lock:
            self._loaded = {
                loaded: codec
                for loaded, codec in self._loaded.items()
                if loaded == self._chosen or loaded.partition("@")[0] != name
            }
