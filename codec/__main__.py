"""The codec on files: `python -m codec encode | decode | info | bench | eval | stress`.

Exit status: 0 all well; 1 an error, told in one line on standard error; 2 wrong usage; 3 the .fcs
file was damaged and was decoded in part; 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from codec.errors import CodecError, ContainerDamaged, ContainerTruncated
from codec.output import STANDARD, output_errors

PROGRAM = "python -m codec"

MAX_BENCH_SECONDS = 600
MAX_THREADS = 1024

OK, FAILED, IN_PART, STOPPED = 0, 1, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except CodecError as error:
        _say(str(error))
        return FAILED
    except MemoryError:
        _say("There is not enough memory for this model.")
        return FAILED
    except KeyboardInterrupt:
        _say("Stopped; nothing was written.")
        return STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Speech to codes at under one kilobit per second, and back.",
        epilog='A file "-" is standard input or output (sound then as WAV). Exit status: 0 well, '
        "1 error, 2 wrong usage, 3 a damaged file was decoded in part, 130 stopped.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    encode = commands.add_parser("encode", help="sound file -> .fcs file")
    encode.add_argument("input", help="sound of any rate: wav, flac, ogg …")
    encode.add_argument("output", help="the .fcs file to write")
    _add_model(encode)
    encode.set_defaults(command=_encode)

    decode = commands.add_parser("decode", help=".fcs file -> sound file")
    decode.add_argument("input", help="the .fcs file")
    decode.add_argument("output", help="the sound file to write: .wav, .flac, .ogg or .opus")
    _add_model(decode)
    decode.set_defaults(command=_decode)

    info = commands.add_parser("info", help="what an .fcs file or a model is")
    info.add_argument("what", metavar="FILE_OR_MODEL")
    info.set_defaults(command=_info)

    bench = commands.add_parser("bench", help="how fast a model is here")
    _add_model(bench)
    bench.add_argument(
        "--seconds", type=_bench_seconds, default=10.0, help="of speech (default 10)"
    )
    bench.add_argument("--threads", type=_threads, default=1, help="for torch (default 1)")
    bench.add_argument(
        "--precision",
        choices=("auto", "float32", "float16", "bfloat16", "int8"),
        default="auto",
        help="what to keep the weights in (default: what suits the model and this machine)",
    )
    bench.set_defaults(command=_bench)

    evaluation = commands.add_parser("eval", help="how well speech survives a model")
    evaluation.add_argument("files", nargs="+", type=Path, help="clips of speech")
    evaluation.add_argument("--model", nargs="*", default=["bundled"], help="models (bundled)")
    evaluation.add_argument(
        "--metrics",
        nargs="*",
        default=["stoi", "similarity"],
        metavar="NAME",
        help="stoi similarity pesq dnsmos pitch lsd entropy (default: the first two)",
    )
    evaluation.add_argument(
        "--recogniser", nargs="*", default=[], metavar="NAME", help="moonshine whisper"
    )
    evaluation.add_argument(
        "--peers", nargs="*", default=[], metavar="NAME", help="other codecs: codec2-700C opus-6 …"
    )
    evaluation.add_argument("--save", type=Path, help="folder for the table and what was decoded")
    evaluation.add_argument(
        "--pictures", action="store_true", help="a spectrogram of each clip, into --save's folder"
    )
    evaluation.set_defaults(command=_eval)

    stress = commands.add_parser("stress", help="noise, silence, clipping, hours: what breaks")
    stress.add_argument("files", nargs="+", type=Path, help="clips of speech, a second at least")
    _add_model(stress)
    stress.add_argument(
        "--minutes", type=float, default=0.0, help="also a stream of so many, of the same clips"
    )
    stress.set_defaults(command=_stress)
    return parser


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        default="bundled",
        help='folder of a model, or "bundled" (the default); @12 behind it: at 12 bits a code',
    )


def _encode(arguments: argparse.Namespace) -> int:
    from codec.files import encode_file
    from codec.weights import load

    codec = load(arguments.model)
    with _progress("encode") as progress:
        made = encode_file(codec, arguments.input, arguments.output, progress)
    if arguments.output != STANDARD:
        size = Path(arguments.output).stat().st_size
        _say(
            f"{made.seconds:.1f} s of sound, {made.codes} codes at {codec.spec.bitrate} bit/s, "
            f"{size} bytes."
        )
    return OK


def _decode(arguments: argparse.Namespace) -> int:
    from codec.files import decode_file
    from codec.weights import load

    codec = load(arguments.model)
    with _progress("decode") as progress:
        made = decode_file(codec, arguments.input, arguments.output, progress)
    if made.damage is not None:
        _say(f"Warning: {made.damage} What is intact, {made.seconds:.1f} s, was decoded.")
        return IN_PART
    return OK


def _info(arguments: argparse.Namespace) -> int:
    path = Path(arguments.what)
    if arguments.what == STANDARD or (
        path.is_file() and path.suffix not in (".json", ".safetensors")
    ):
        return _info_file(arguments.what)
    return _info_model(arguments.what)


def _info_file(path: str) -> int:
    from codec.files import model_name, open_fcs
    from codec.spec import CODES_PER_SECOND

    codes = 0
    damage: CodecError | None = None
    with open_fcs(path) as reader:
        try:
            for block in reader:
                codes += len(block)
        except (ContainerTruncated, ContainerDamaged) as error:
            damage = error
    header = reader.header
    whole = "unknown"
    if reader.samples is not None:
        whole = f"{reader.samples / header.source_rate:.2f} s, {reader.samples} samples"
    _tell(
        f"model     {model_name(header)}",
        f"original  {whole} at {header.source_rate} Hz",
        f"codes     {codes}, {codes / CODES_PER_SECOND:.2f} s, {header.bitrate} bit/s",
        f"decodes   to {header.output_rate} Hz",
    )
    if damage is not None:
        _say(f"Warning: {damage}")
        return IN_PART
    return OK


def _info_model(name: str) -> int:
    from codec.weights import load

    codec = load(name)
    spec = codec.spec
    parameters = sum(parameter.numel() for parameter in codec.parameters())
    _tell(
        f"model       {spec.name}, id {spec.model_id}, digest {spec.digest:08x}",
        f"bits        {spec.bits_per_code} a code, {spec.bitrate} bit/s",
        f"decodes     to {spec.output_rate} Hz",
        f"parameters  {parameters / 1e6:.2f} million",
    )
    return OK


def _bench(arguments: argparse.Namespace) -> int:
    from codec.bench import bench

    precision = None if arguments.precision == "auto" else arguments.precision
    result = bench(arguments.model, arguments.seconds, arguments.threads, precision)
    timings = (("encode", result.encode), ("decode", result.decode))
    _tell(
        f"model       {result.name}, {result.parameters / 1e6:.2f} million parameters",
        f"precision   {result.precision}",
        f"threads     {result.threads}",
        f"load        {result.load_seconds:.2f} s from the files to warm streams",
        *(
            f"{name}      {timing.mean_ms:.2f} ms a chunk of 80 ms (95 % within "
            f"{timing.p95_ms:.2f}, worst {timing.worst_ms:.2f}), "
            f"real-time factor {timing.real_time_factor:.3f}"
            for name, timing in timings
        ),
        f"core        {100 * result.core_share:.1f} % of one, to encode and decode one stream",
        f"state       {result.encoder_state_bytes} bytes to encode, "
        f"{result.decoder_state_bytes} bytes to decode",
    )
    return OK


@contextmanager
def _progress(name: str) -> Iterator[Callable[[float, float | None], None]]:
    """A bar on standard error, if that is a terminal and the work takes more than a moment."""
    from tqdm import tqdm

    with tqdm(
        desc=name,
        unit="s",
        bar_format="{desc}: {percentage:3.0f}% |{bar}| {n:.0f} s of sound, {remaining} left",
        delay=1.0,
        leave=False,
        file=sys.stderr,
        disable=not sys.stderr.isatty(),
    ) as bar:

        def show(seconds: float, total: float | None) -> None:
            bar.total = total
            bar.update(seconds)

        yield show


def _tell(*lines: str) -> None:
    """Print a command's result; raises DiskFull or OutputError."""
    with output_errors("standard output"):
        print(*lines, sep="\n", flush=True)


def _eval(arguments: argparse.Namespace) -> int:
    from codec.evaluate import table
    from codec.evaluate.measures import METRICS
    from codec.evaluate.peers import PEERS
    from codec.evaluate.pictures import needs_pictures
    from codec.evaluate.recognise import RECOGNISERS
    from codec.weights import load

    if arguments.pictures:
        if arguments.save is None:
            _say("Pictures go into the folder of --save; name one.")
            return FAILED
        needs_pictures()
    for names, known in (
        (arguments.metrics, [*METRICS, table.ENTROPY]),
        (arguments.recogniser, RECOGNISERS),
        (arguments.peers, PEERS),
    ):
        for name in names:
            if name not in known:
                _say(f"“{name}” is not known here. Known: {', '.join(known)}.")
                return FAILED
    recognisers = [RECOGNISERS[name]() for name in arguments.recogniser]
    subjects = [table.model_subject(load(name), name) for name in arguments.model]
    subjects += [PEERS[name]() for name in arguments.peers]
    rows: list[table.Row] = []
    cells = table.table(rows, arguments.metrics, recognisers)
    heard: dict[tuple[str, Path], list[str]] = {}
    for subject in subjects:
        rows += table.evaluate(
            subject,
            arguments.files,
            arguments.metrics,
            recognisers,
            listen=arguments.save,
            heard=heard,
            tell=_say_what,
        )
        cells = table.table(rows, arguments.metrics, recognisers)
        if arguments.save is not None:
            table.save(cells, arguments.save)
    if arguments.pictures:
        table.draw_pictures(arguments.save, arguments.files, subjects)
    _tell(table.markdown(cells))
    if table.ENTROPY in arguments.metrics:
        for sentence in table.entropy_of_all(rows):
            _say(sentence)
    return OK


def _stress(arguments: argparse.Namespace) -> int:
    from codec.evaluate import robust, table
    from codec.weights import load

    codec = load(arguments.model)
    clips = {path: table.read_clip(path) for path in arguments.files}
    results = []
    for path, clip in clips.items():
        _say_what(arguments.model, path)
        results += [(path.stem, result) for result in robust.stress(codec, clip)]
    _tell(table.markdown(robust.stress_table(results)))
    if arguments.minutes > 0:
        found = robust.endure(codec, list(clips.values()), arguments.minutes)
        _tell("", *robust.endurance_lines(found))
    return OK


def _say_what(subject: str, clip: Path) -> None:
    _say(f"{subject}: {clip.name}")


def _say(sentence: str) -> None:
    with suppress(OSError):  # nobody listens: the exit status still tells
        print(f"{PROGRAM}: {sentence}", file=sys.stderr)


def _bench_seconds(text: str) -> float:
    with suppress(ValueError):
        if 0.0 < (value := float(text)) <= MAX_BENCH_SECONDS:
            return value
    raise argparse.ArgumentTypeError(
        f'"{text}" is not a number above 0 and up to {MAX_BENCH_SECONDS}'
    )


def _threads(text: str) -> int:
    with suppress(ValueError):
        if 1 <= (value := int(text)) <= MAX_THREADS:
            return value
    raise argparse.ArgumentTypeError(f'"{text}" is not a whole number from 1 to {MAX_THREADS}')


def _hush() -> None:
    """Keep Python from complaining, on its way out, of output that cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        _hush()
