"""One end of a voice call as WebRTC makes it: an aiortc peer with an audio track, in Opus.

    python -m benchmarks.opus_peer FILE --seconds 30 [--kbit 6] [--frame-ms 20] [--answer]

Without `--answer` it prints an offer, one line of JSON, and reads the answer; with it the other way
round. It speaks FILE again and again for so long. The last line is of JSON: when both were
connected (Unix time), when it hung up, and how many seconds of sound came.

aiortc encodes speech at 96 kbit/s, in stereo, 20 ms a packet, and has no setting for it; its
encoder is made anew here, in mono, for the rate and the packets asked for. All else is aiortc's:
SRTP, RTCP, and ICE with its consent checks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

import aiortc.codecs
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.codecs.opus import SAMPLE_RATE, TIME_BASE, OpusEncoder
from aiortc.contrib.media import MediaPlayer
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioResampler, CodecContext


def encoder(kbit: float, frame_ms: int) -> type[OpusEncoder]:
    """aiortc's encoder of Opus for other rates and packets."""

    class Thrifty(OpusEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.codec = CodecContext.create("libopus", "w")
            self.codec.bit_rate = round(kbit * 1000)
            self.codec.format, self.codec.layout = "s16", "mono"
            self.codec.options = {"application": "voip", "frame_duration": str(frame_ms)}
            self.codec.sample_rate, self.codec.time_base = SAMPLE_RATE, TIME_BASE
            samples = SAMPLE_RATE * frame_ms // 1000
            self.resampler = AudioResampler("s16", "mono", SAMPLE_RATE, frame_size=samples)

    return Thrifty


class Listener:
    """Hears a track to its end."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._task: asyncio.Task[None] | None = None

    def hear(self, track: MediaStreamTrack) -> None:
        """Begin to listen."""
        self._task = asyncio.ensure_future(self._run(track))

    async def _run(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                self.seconds += frame.samples / frame.sample_rate
        except MediaStreamError:
            pass


async def call(options: argparse.Namespace) -> None:
    """The whole call."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    listener = Listener()
    peer.on("track", listener.hear)
    connected = asyncio.Event()
    peer.on(
        "connectionstatechange",
        lambda: connected.set() if peer.connectionState == "connected" else None,
    )
    player = MediaPlayer(str(options.file), loop=True)
    if options.answer:
        await peer.setRemoteDescription(await _read())
        peer.addTrack(player.audio)
        await peer.setLocalDescription(await peer.createAnswer())
        _print(peer)
    else:
        peer.addTrack(player.audio)
        await peer.setLocalDescription(await peer.createOffer())
        _print(peer)
        await peer.setRemoteDescription(await _read())
    await asyncio.wait_for(connected.wait(), 60)
    began = time.time()
    await asyncio.sleep(options.seconds)
    print(json.dumps({"began": began, "ended": time.time(), "heard": listener.seconds}), flush=True)
    await asyncio.wait_for(peer.close(), 10)


async def _read() -> RTCSessionDescription:
    line = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    return RTCSessionDescription(**json.loads(line))


def _print(peer: RTCPeerConnection) -> None:
    local = peer.localDescription
    print(json.dumps({"sdp": local.sdp, "type": local.type}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--kbit", type=float, default=6.0)
    parser.add_argument("--frame-ms", type=int, default=20)
    parser.add_argument("--answer", action="store_true")
    options = parser.parse_args()
    aiortc.codecs.OpusEncoder = encoder(options.kbit, options.frame_ms)
    asyncio.run(call(options))


if __name__ == "__main__":
    main()
