"""The command line, on a small random model."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.torch import save_file

from codec.__main__ import main
from codec.container import FcsReader
from codec.files import decode_file, encode_file
from codec.model.focalcodec import FocalCodec
from codec.spec import CodecSpec
from codec.weights import load
from tests.models import SMALL_LITE, small_codec

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def model(small_folder: Path) -> list[str]:
    return ["--model", str(small_folder)]


def sound_file(path: Path, rate: int, seconds: float, channels: int = 1) -> int:
    frames = int(rate * seconds)
    t = np.arange(frames) / rate
    sound = 0.3 * np.sin(2 * np.pi * 220 * t)[:, None] * np.ones(channels)
    soundfile.write(path, sound, rate)
    return frames


@pytest.mark.parametrize(
    ("rate", "seconds", "channels"),
    [(16_000, 1.0, 1), (16_000, 0.08, 1), (44_100, 3.21, 2), (48_000, 0.001, 1), (8000, 11.3, 1)],
)
def test_there_and_back_keeps_the_length(
    tmp_path: Path, model: list[str], rate: int, seconds: float, channels: int
) -> None:
    source, coded, result = (str(tmp_path / name) for name in ("in.wav", "x.fcs", "out.wav"))
    frames = sound_file(Path(source), rate, seconds, channels)
    assert main(["encode", source, coded, *model]) == 0
    assert main(["decode", coded, result, *model]) == 0
    info = soundfile.info(result)
    assert info.samplerate == 24_000
    assert info.frames == round(frames * 24_000 / rate)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.wav", "out.wav", "x.fcs"]


def test_files_and_streams_code_alike(
    tmp_path: Path, small: FocalCodec, speech: np.ndarray
) -> None:
    soundfile.write(tmp_path / "in.wav", speech, 16_000, subtype="FLOAT")
    encode_file(small, tmp_path / "in.wav", tmp_path / "x.fcs")
    with (tmp_path / "x.fcs").open("rb") as file:
        codes = np.concatenate(list(FcsReader(file, "x.fcs")))
    padded = np.pad(speech, (0, -len(speech) % 1280))
    import torch

    expected, _ = small.encode(torch.from_numpy(padded)[None])
    assert np.array_equal(codes, expected[0].numpy())


def test_a_decoder_that_lags_is_put_right(tmp_path: Path) -> None:
    source, coded, result = (tmp_path / name for name in ("in.wav", "x.fcs", "out.wav"))
    speech = np.random.default_rng(0).uniform(-1, 1, 9000).astype(np.float32)
    soundfile.write(source, speech, 16_000, subtype="FLOAT")
    codec = Lagging()
    encode_file(codec, source, coded)
    decode_file(codec, coded, result)
    found, _ = soundfile.read(result)
    assert len(found) == len(speech)
    loud = np.abs(speech.reshape(-1, 20)[:, 10]) > 0
    assert loud.all()
    np.testing.assert_allclose(found[320::320], speech[320::320], atol=1e-3)


class Lagging(FocalCodec):
    """Not a codec: its codes are every 320th sample, which it gives back 500 samples late."""

    def __init__(self) -> None:
        import torch

        torch.nn.Module.__init__(self)
        self.spec = CodecSpec("lagging", 9, 16, 16_000, delay_samples=500)

    def encode(self, sig, state=None):  # type: ignore[no-untyped-def]
        return (sig[:, ::320] * 32767).round().long() + 32768, ()

    def decode(self, codes, state=None):  # type: ignore[no-untyped-def]
        import torch

        held = ((codes - 32768) / 32767).float().repeat_interleave(320, 1)
        late = torch.cat([state if state is not None else torch.zeros(1, 500), held], 1)
        return late[:, : held.shape[1]], late[:, held.shape[1] :]


def test_an_empty_sound_stays_empty(tmp_path: Path, model: list[str]) -> None:
    source, coded, result = (str(tmp_path / name) for name in ("in.wav", "x.fcs", "out.wav"))
    sound_file(Path(source), 16_000, 0.0)
    assert main(["encode", source, coded, *model]) == 0
    assert main(["decode", coded, result, *model]) == 0
    assert soundfile.info(result).frames == 0


def test_info(tmp_path: Path, model: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    sound_file(tmp_path / "in.wav", 44_100, 2.0)
    main(["encode", str(tmp_path / "in.wav"), str(tmp_path / "x.fcs"), *model])
    assert main(["info", str(tmp_path / "x.fcs")]) == 0
    told = capsys.readouterr().out
    for fact in ("focalcodec-2k", "2.00 s", "88200 samples at 44100 Hz", "550 bit/s", "24000 Hz"):
        assert fact in told
    assert main(["info", model[1]]) == 0
    told = capsys.readouterr().out
    for fact in ("focalcodec-2k", "id 2", "11 a code", "24000 Hz", "million"):
        assert fact in told


def test_bench(model: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--seconds", "0.3", *model]) == 0
    told = capsys.readouterr().out
    for fact in ("load", "encode", "decode", "ms a chunk", "% of one", "bytes", "threads     1"):
        assert fact in told


def test_a_cut_file_is_decoded_in_part_and_told(
    tmp_path: Path, model: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    coded, result = tmp_path / "x.fcs", tmp_path / "out.wav"
    sound_file(tmp_path / "in.wav", 16_000, 4.0)
    main(["encode", str(tmp_path / "in.wav"), str(coded), *model])
    coded.write_bytes(coded.read_bytes()[:-90])
    capsys.readouterr()
    assert main(["decode", str(coded), str(result), *model]) == 3
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "cut short" in told
    assert 2.5 < soundfile.info(result).duration < 4.0
    assert main(["info", str(coded)]) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["encode", "none.wav", "x.fcs"], "none.wav"),
        (["encode", "text.txt", "x.fcs"], "text.txt"),
        (["encode", "in.wav", "nowhere/x.fcs"], "nowhere"),
        (["decode", "none.fcs", "out.wav"], "none.fcs"),
        (["decode", "text.txt", "out.wav"], "not an .fcs file"),
        (["decode", "x.fcs", "out.xyz"], ".wav, .flac"),
        (["encode", "in.wav", "y.fcs", "--model", "none"], '"none"'),
        (["bench", "--model", "nowhere/model"], "nowhere"),
        (["info", "nothing-like-it"], "nothing-like-it"),
    ],
)
def test_an_error_is_one_line(
    tmp_path: Path,
    model: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    sound_file(tmp_path / "in.wav", 16_000, 0.2)
    (tmp_path / "text.txt").write_text("not a sound, nor codes")
    main(["encode", "in.wav", "x.fcs", *model])
    before = sorted(p.name for p in tmp_path.iterdir())
    capsys.readouterr()
    extra = model if "--model" not in arguments and arguments[0] != "info" else []
    assert main([*arguments, *extra]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert told in error
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_the_wrong_model_is_told(
    tmp_path: Path, small: FocalCodec, model: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    sound_file(tmp_path / "in.wav", 16_000, 0.2)
    encode_file(Lagging(), tmp_path / "in.wav", tmp_path / "x.fcs")
    assert main(["decode", str(tmp_path / "x.fcs"), str(tmp_path / "out.wav"), *model]) == 1
    assert "--model" in capsys.readouterr().err


def test_another_model_of_the_same_kind_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound_file(tmp_path / "in.wav", 16_000, 0.2)
    coded, result = str(tmp_path / "x.fcs"), str(tmp_path / "out.wav")
    first, second = (lite_folder(tmp_path / str(seed), seed) for seed in range(2))
    assert main(["encode", str(tmp_path / "in.wav"), coded, "--model", first]) == 0
    assert main(["decode", coded, result, "--model", first]) == 0
    capsys.readouterr()
    assert main(["decode", coded, result, "--model", second]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "was made by the model undertone-lite (id 1, 16 bits a code, digest" in told
    assert told.count("digest") == 2
    assert "--model" in told


def lite_folder(folder: Path, seed: int) -> str:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(SMALL_LITE))
    save_file(small_codec(seed).state_dict(), folder / "model.safetensors")
    return str(folder)


def test_a_model_without_a_digest_decodes_what_its_kind_made(tmp_path: Path) -> None:
    """As one still in training, which was never saved."""
    sound_file(tmp_path / "in.wav", 16_000, 0.2)
    saved, unsaved = load(lite_folder(tmp_path / "0", 0)), small_codec()
    for maker, reader in ((saved, unsaved), (unsaved, saved)):
        encode_file(maker, tmp_path / "in.wav", tmp_path / "x.fcs")
        decode_file(reader, tmp_path / "x.fcs", tmp_path / "out.wav")
        assert soundfile.info(tmp_path / "out.wav").frames == 3200


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_told(
    tmp_path: Path, model: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    sound_file(tmp_path / "in.wav", 16_000, 0.2)
    assert main(["encode", str(tmp_path / "in.wav"), "/dev/full", *model]) == 1
    assert "disk is full" in capsys.readouterr().err


def test_wrong_usage_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["sing"], ["bench", "--seconds", "-1"], ["bench", "--threads", "0"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--seconds", "0"], '"0" is not a number above 0'),
        (["--seconds", "1e9"], '"1e9" is not a number above 0 and up to 600'),
        (["--seconds", "soon"], '"soon" is not a number'),
        (["--threads", "0"], '"0" is not a whole number from 1'),
        (["--threads", "two"], '"two" is not a whole number'),
    ],
)
def test_wrong_numbers_are_told_in_words(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    with pytest.raises(SystemExit):
        main(["bench", *arguments])
    assert told in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("line", "status", "told"),
    [
        ("info x.fcs > /dev/full", 1, "standard output could not be written: the disk is full"),
        ("info x.fcs | true", 0, None),
        ("info x.fcs >&-", 0, ""),
        ("--help > /dev/full", 0, ""),
        ("encode none.wav x.fcs 2> /dev/full", 1, ""),
        ("decode x.fcs - --model MODEL > /dev/full", 1, "standard output could not be written"),
        ("decode x.fcs - --model MODEL >&-", 1, "standard output could not be written"),
        ("encode - y.fcs --model MODEL <&-", 1, "standard input: it is closed"),
        ("info - <&-", 1, "standard input is closed"),
    ],
)
def test_streams_that_do_not_work_are_told_in_a_line(
    tmp_path: Path, model: list[str], line: str, status: int, told: str | None
) -> None:
    if "/dev/full" in line and not Path("/dev/full").exists():
        pytest.skip("needs Linux's /dev/full")
    sound_file(tmp_path / "in.wav", 16_000, 0.2)
    main(["encode", str(tmp_path / "in.wav"), str(tmp_path / "x.fcs"), *model])
    line = line.replace("MODEL", model[1])
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m codec {line}'],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if told is not None:
        assert done.stderr.count("\n") == (1 if told else 0)
        assert told in done.stderr


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "codec", *arguments]


def test_pipes(tmp_path: Path, model: list[str]) -> None:
    frames = sound_file(tmp_path / "in.wav", 44_100, 1.3, channels=2)
    encode = subprocess.Popen(
        command("encode", "-", "-", *model),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    decode = subprocess.Popen(
        command("decode", "-", "-", *model), cwd=ROOT, stdin=encode.stdout, stdout=subprocess.PIPE
    )
    assert encode.stdin is not None
    encode.stdin.write((tmp_path / "in.wav").read_bytes())
    encode.stdin.close()
    wav, _ = decode.communicate()
    assert encode.wait() == decode.returncode == 0
    pcm = wav[44:]
    assert len(pcm) // 2 == round(frames * 24_000 / 44_100)
    assert soundfile.info(io.BytesIO(wav)).samplerate == 24_000


@pytest.mark.parametrize("ending", ["flac", "ogg"])
def test_what_needs_seeking_comes_through_a_pipe_too(
    tmp_path: Path, model: list[str], ending: str
) -> None:
    sound_file(tmp_path / f"in.{ending}", 22_050, 0.5)
    done = subprocess.run(
        command("encode", "-", str(tmp_path / "x.fcs"), *model),
        cwd=ROOT,
        input=(tmp_path / f"in.{ending}").read_bytes(),
    )
    assert done.returncode == 0
    with (tmp_path / "x.fcs").open("rb") as file:
        assert FcsReader(file, "x.fcs").header.samples == 11_025


def test_standard_input_may_be_a_file(tmp_path: Path, model: list[str]) -> None:
    sound_file(tmp_path / "in.flac", 22_050, 0.5)
    with (tmp_path / "in.flac").open("rb") as file:
        done = subprocess.run(
            command("encode", "-", str(tmp_path / "x.fcs"), *model), cwd=ROOT, stdin=file
        )
    assert done.returncode == 0
    with (tmp_path / "x.fcs").open("rb") as file:
        assert FcsReader(file, "x.fcs").header.samples == 11_025


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, model: list[str]) -> None:
    sound_file(tmp_path / "in.wav", 16_000, 1.0)
    process = subprocess.Popen(
        command("encode", "-", str(tmp_path / "x.fcs"), *model),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Where the tests run in a shell's background, SIGINT is ignored, by children too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdin is not None
    process.stdin.write((tmp_path / "in.wav").read_bytes()[:-2])
    process.stdin.flush()
    while not list(tmp_path.glob(".x.fcs.*.partial")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.decode().count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["in.wav"]
