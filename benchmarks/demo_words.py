"""Does the other one understand? The demo's call, and a recogniser on what was heard.

    python -m benchmarks.demo_words [--model bundled] [--recogniser moonshine|whisper]

Runs `undertone demo --headless` as a process, then compares the words heard in its wav with those
heard in the clip itself.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from app.demo import bundled_clip
from codec.evaluate.recognise import RECOGNISERS, word_errors
from codec.evaluate.table import read_clip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--recogniser", choices=RECOGNISERS, default="moonshine")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        heard = Path(folder) / "heard.wav"
        demo = [sys.executable, "-m", "app", "demo", "--headless", "--model", arguments.model]
        subprocess.run([*demo, "--output", str(heard)], check=True)
        recogniser = RECOGNISERS[arguments.recogniser]()
        said = recogniser.transcribe(read_clip(bundled_clip()))
        understood = recogniser.transcribe(read_clip(heard))
    errors = word_errors(said, understood)
    print(f"\n{recogniser.name} in the clip:  {' '.join(said)}")
    print(f"{recogniser.name} in the call:  {' '.join(understood)}")
    print(f"{errors} of {len(said)} words differ ({errors / max(len(said), 1):.0%}).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
