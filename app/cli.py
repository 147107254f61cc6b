"""The command line: which front end to start, with which codec, devices and settings."""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import sys
from dataclasses import replace
from pathlib import Path

from app import VERSION
from app.core.errors import UndertoneError
from app.core.profile import PROFILE_NAMES
from app.core.settings import PRECISION_NAMES, Settings
from app.settings_file import load_settings
from app.terminal import NobodyReads, flush, hush


def parser() -> argparse.ArgumentParser:
    """Every command and option."""
    top = argparse.ArgumentParser(
        prog="undertone",
        description="Voice calls on almost no bandwidth.",
        epilog="Exit status: 0 when all went well (for a call: it came about, and somebody hung "
        "up), 1 when it did not, or when sound failed or a file could not be read or written "
        "whole, 2 for options that make no sense, 130 for Ctrl-C.",
    )
    top.add_argument("--version", action="version", version=f"undertone {VERSION}")
    top.add_argument("--log", action="store_true", help="write what happens inside to the terminal")
    _model_option(top)
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    demo = commands.add_parser(
        "demo",
        help="two people in one process call each other: no microphone, no network needed",
        description="One of two peers in this process speaks a bundled clip over a real WebRTC "
        "connection through loopback; what the other heard is saved.",
    )
    demo.add_argument("--headless", action="store_true", help="in the terminal, without a window")
    demo.add_argument("--input", type=Path, metavar="FILE", help="speak this file instead")
    demo.add_argument("--output", type=Path, default=Path("heard.wav"), metavar="WAV")
    demo.add_argument("--close", action="store_true", help="close the window at the end")
    _profile_option(demo)
    _model_option(demo)

    call = commands.add_parser("call", help="create or join a call, from a window or the terminal")
    call.add_argument("--headless", action="store_true", help="in the terminal, without a window")
    call.add_argument("--join", metavar="LINK", help="join by this invite, '-' reads it from stdin")
    call.add_argument("--input", type=Path, metavar="FILE", help="a file instead of a microphone")
    call.add_argument("--output", type=Path, metavar="WAV", help="a file instead of a loudspeaker")
    call.add_argument(
        "--report", type=Path, metavar="FILE", help="headless: the meters, as lines of JSON"
    )
    call.add_argument("--seconds", type=_seconds, help="hang up after so long")
    call.add_argument(
        "--invite",
        type=int,
        choices=range(1, 8),
        metavar="N",
        help="without a window: invite so many, one after another (1 to 7)",
    )
    call.add_argument(
        "--chat", action="store_true", help="without a window: lines of standard input are written"
    )
    call.add_argument("--name", help="how the other side sees you")
    call.add_argument("--microphone", metavar="DEVICE")
    call.add_argument("--loudspeaker", metavar="DEVICE")
    call.add_argument("--stun", metavar="URL", help="stun:host:port, to be found behind a router")
    call.add_argument("--turn", metavar="URL", help="turn:host:port, a relay")
    call.add_argument("--turn-user", default="", metavar="NAME")
    call.add_argument("--turn-password", default="", metavar="WORD")
    call.add_argument("--relay-only", action="store_true", help="hide this machine's addresses")
    call.add_argument("--loopback", action="store_true", help="also offer 127.0.0.1")
    _profile_option(call)
    call.add_argument(
        "--continuous", action="store_true", help="send silence like speech, at its full cost"
    )
    _model_option(call)
    call.add_argument(
        "--precision",
        choices=PRECISION_NAMES,
        help="what to keep the model's weights in; by default what suits it and this machine",
    )

    commands.add_parser("devices", help="list microphones and loudspeakers")
    _models_command(commands)
    return top


def _profile_option(to: argparse.ArgumentParser) -> None:
    to.add_argument(
        "--profile",
        choices=PROFILE_NAMES,
        help="what matters most about how speech is sent; by default the line decides",
    )


def _models_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    models = commands.add_parser(
        "models",
        help="the codec models: list, get, import, remove",
        description="The codec models on this computer, and the published ones to be had. Use one "
        "with --model NAME, or choose it in the window.",
        epilog="Models are kept under HF_HOME where that is set. HF_ENDPOINT names another server "
        "than huggingface.co; the system's proxies (HTTPS_PROXY) hold.",
    )
    what = models.add_subparsers(dest="what", metavar="WHAT")
    what.add_parser("list", help="what there is, on disk or not (also without a word)")
    get = what.add_parser("get", help="download a published model, or go on with its download")
    get.add_argument("name", metavar="NAME")
    get.add_argument(
        "--new-version", action="store_true", help="the newest version, and trust it from now on"
    )
    take = what.add_parser("import", help="take in a model from files, without the Internet")
    take.add_argument("path", metavar="PATH", type=Path, help="a folder, or one of its two files")
    take.add_argument("--name", default="", help="what to call it")
    what.add_parser("remove", help="remove a model from disk").add_argument("name", metavar="NAME")


def _model_option(to: argparse.ArgumentParser) -> None:
    to.add_argument(
        "--model",
        default=argparse.SUPPRESS,
        metavar="NAME_OR_FOLDER",
        help="the codec model for this time; else the one chosen in the window, or the bundled",
    )


def _seconds(text: str) -> float:
    """A length of time, as an option's value."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def main(argv: list[str] | None = None) -> int:
    """Run Undertone; returns the exit status: 0 when all went well."""
    try:
        try:
            return _run(_arguments(argv))
        finally:
            flush()
    except NobodyReads:
        return 1  # As with `| head`: there is nobody to tell.
    except UndertoneError as error:
        _say(f"undertone: {error}")
        return 1
    except KeyboardInterrupt:
        _say("Stopped.")
        return 130
    finally:
        hush(sys.stderr)


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError):  # Nobody listens: the exit status still tells.
        print(sentence, file=sys.stderr)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    arguments = parser().parse_args(argv)
    arguments.model = getattr(arguments, "model", None)
    logging.basicConfig(level=logging.CRITICAL)
    if arguments.log:
        logging.getLogger("app").setLevel(logging.INFO)
    return arguments


def _run(arguments: argparse.Namespace) -> int:
    # Each front end is imported only when it is the one: a terminal needs no Qt.
    match arguments.command:
        case "devices":
            from app.headless import list_devices

            return list_devices()
        case "models":
            from app.models import run_models

            return run_models(arguments)
        case "demo":
            from app.demo import bundled_clip, run_demo

            model = arguments.model or "bundled"
            clip = arguments.input or bundled_clip()
            if arguments.headless:
                return run_demo(model, clip, arguments.output, arguments.profile)
            from app.window import run_demo_window

            return run_demo_window(
                model,
                clip,
                arguments.output,
                auto_close=arguments.close,
                profile=arguments.profile,
            )
        case "call" if arguments.headless:
            from app.headless import run_call

            kept, damage = load_settings()
            return run_call(
                arguments.model,
                _settings(kept, arguments),
                damage=damage,
                join=arguments.join,
                input_file=arguments.input,
                output_file=arguments.output,
                report_file=arguments.report,
                seconds=arguments.seconds,
                invite=arguments.invite,
                chat=arguments.chat,
                loopback=arguments.loopback,
            )
        case _:
            from app.window import run_window

            kept, damage = load_settings()
            in_call = arguments.command == "call"
            return run_window(
                arguments.model,
                _settings(kept, arguments) if in_call else kept,
                kept=kept,
                damage=damage,
                input_file=arguments.input if in_call else None,
                output_file=arguments.output if in_call else None,
                join=arguments.join if in_call else None,
                loopback=arguments.loopback if in_call else False,
            )


def _settings(kept: Settings, arguments: argparse.Namespace) -> Settings:
    """The kept settings, with what the command line says instead."""
    said = {
        "name": arguments.name,
        "input_device": arguments.microphone,
        "output_device": arguments.loudspeaker,
        "stun": arguments.stun,
        "turn": arguments.turn,
        "turn_user": arguments.turn_user or None,
        "turn_password": arguments.turn_password or None,
        "relay_only": arguments.relay_only or None,
        "profile": arguments.profile,
        "precision": arguments.precision,
        "continuous": arguments.continuous or None,
        # A file is to have what the others said, and nothing of the app's own.
        "cues": False if arguments.output is not None else None,
    }
    return replace(kept, **{key: value for key, value in said.items() if value is not None})
