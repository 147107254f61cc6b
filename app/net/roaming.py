"""Staying together when the way between two ends changes.

An ICE connection of aioice keeps to the pair of addresses it began with and closes when that falls
silent for 30 s. But DTLS and SCTP do not know addresses: whoever has the keys may go on over
another way. So this takes over from aioice once ICE completed (RFC 8445 section 7, RFC 7675):

- the way in use is checked now and then, and often when it does not answer. After 30 s without an
  answer nothing but checks goes over it (RFC 7675 section 5.1), and the connection stays;
- when the other end is missed or this end's own address is gone, all pairs of addresses are
  checked, and new addresses of this computer get a socket and join in;
- the controlling end moves to a pair that answers when the one in use does not, and says so in each
  check (USE-CANDIDATE); the controlled end follows. A check from an address not known, a rebound
  address translator or a computer that moved, makes a new pair (section 7.3.1.3) and is answered
  with a check of one's own.

All of it is by authenticated checks alone: who cannot sign them cannot draw the call elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aioice.ice
from aioice import stun
from aioice.ice import CandidatePair

from app.net.config import Patience

log = logging.getLogger(__name__)

COMPONENT = 1
_LOOPBACK = frozenset(("127.0.0.1", "::1"))
"""What aioice does not count among a computer's addresses."""
_TICK = 0.1
_OFTEN = 0.5
"""Seconds between checks of the way in use while it does not answer."""
_SEARCH = 1.0
"""Seconds between checks of each other pair in a search."""
_DOUBT = 2.0
"""Seconds for which the way in use may leave checks unanswered before a search begins."""
_GRACE = 0.7
"""Seconds for which the way in use may leave checks unanswered before another is taken."""
_FRESH = 2.0
"""Seconds for which an answer says that a pair works."""
_OUTSTANDING = 10.0
"""Seconds after which an answer is no longer awaited."""

_NEEDED = (
    "query_consent",
    "check_incoming",
    "check_start_task",
    "sendto",
    "protocol_lost",
    "build_request",
    "get_component_candidates",
    "_pair_remote_candidate",
    "_nominated",
    "_check_list",
    "_protocols",
    "_remote_candidates",
)


@dataclass
class _Pair:
    """What is known of one pair of addresses."""

    answered_at: float = float("-inf")
    """When it last answered a check."""
    checked_at: float = float("-inf")
    unanswered_since: float | None = None
    """When the first check was sent of those after the last answer."""


class _Check:
    """A check on its way, in the place of an aioice transaction."""

    def __init__(self, roaming: Roaming, pair: CandidatePair, sent_at: float) -> None:
        self.roaming, self.pair, self.sent_at = roaming, pair, sent_at

    def response_received(self, message: stun.Message, address: tuple[str, int]) -> None:
        """Called by aioice's socket for a response with this check's transaction id."""
        if message.message_class == stun.Class.RESPONSE and address == self.pair.remote_addr:
            self.roaming.answered(self, message)


class Roaming:
    """Keeps one aioice connection going, from when it is made; `missing` is for its owner to set.

    `on_sockets` is told of sockets opened later, `on_route` that packets go another way now.
    Everything happens on the event loop.
    """

    def __init__(
        self,
        connection: Any,
        patience: Patience,
        *,
        on_sockets: Callable[[list[Any]], None],
        on_route: Callable[[], None],
    ) -> None:
        self.missing = False
        """Whether nothing is heard from the other end, so that any way to it is looked for."""
        self.works = all(hasattr(connection, name) for name in _NEEDED)
        if not self.works:
            log.warning("aioice changed inside, so a call ends when its way does.")
            return
        self._connection, self._patience = connection, patience
        self._on_sockets, self._on_route = on_sockets, on_route
        self._clock = asyncio.get_running_loop().time
        self._pairs: dict[CandidatePair, _Pair] = {}
        self._checks: dict[bytes, _Check] = {}
        self._sockets: set[Any] = set()
        self._lost: set[Any] = set()
        self._way: CandidatePair | None = None
        self._settled = False
        self._turn = 0
        self._looked_at = float("-inf")
        self._addresses: set[str] = set()
        self._unopened: set[str] = set()
        self._opening: asyncio.Task[None] | None = None
        self._stock_send = connection.sendto
        self._stock_incoming = connection.check_incoming
        self._stock_start = connection.check_start_task
        self._stock_lost = connection.protocol_lost
        connection.query_consent = self._keep
        connection.sendto = self._send
        connection.check_incoming = self._check_came
        connection.check_start_task = self._start_check
        connection.protocol_lost = self._socket_lost

    # What aioice calls

    async def _keep(self) -> None:
        """In the place of aioice's consent checks: runs from completion to close."""
        self._settle()
        try:
            while True:
                await asyncio.sleep(_TICK)
                self._look()
        except Exception:
            log.exception("The way is no longer looked after; the call goes on while it lasts.")
        finally:
            if self._opening is not None:
                self._opening.cancel()

    async def _send(self, data: bytes, component: int) -> None:
        pair = self._connection._nominated.get(component)
        if pair is not None and self._settled:
            unheard = self._clock() - self._of(pair).answered_at
            if unheard > self._patience.consent_expiry or pair.protocol in self._lost:
                return  # The other end no longer agrees to be sent anything.
        await self._stock_send(data, component)

    def _start_check(self, pair: CandidatePair) -> None:
        if self._settled:
            self._check(pair)
        else:
            self._stock_start(pair)

    def _check_came(self, message: Any, address: tuple[str, int], socket: Any) -> None:
        """An authenticated check came and was answered."""
        self._stock_incoming(message, address, socket)
        if not self._settled:
            return
        self._note_way()
        for pair in self._connection._check_list:
            if pair.protocol is socket and pair.remote_addr == address and pair is not self._way:
                # The other end seeks: does this pair work, and does the way in use still?
                for each in (pair, self._way):
                    if each is not None and self._clock() - self._of(each).checked_at > _FRESH:
                        self._check(each)

    def _socket_lost(self, socket: Any) -> None:
        if self._settled:
            self._lost.add(socket)
        else:
            self._stock_lost(socket)

    # Looking after the way

    def _settle(self) -> None:
        """ICE completed: what it checked is known, and from now on checks are made here."""
        self._settled = True
        self._sockets.update(self._connection._protocols)
        for pair in self._connection._check_list:
            pair.task = None
            if pair.state is not CandidatePair.State.SUCCEEDED:
                pair.state = CandidatePair.State.FAILED
        self._way = self._connection._nominated.get(COMPONENT)
        if self._way is not None:
            self._of(self._way).answered_at = self._clock()
        self._addresses = self._own_addresses()

    def _look(self) -> None:
        now = self._clock()
        self._forget_checks(now)
        self._meet_sockets()
        self._note_way()
        if self._way is None:
            return
        self._follow_addresses(now)
        known = self._of(self._way)
        since = known.unanswered_since
        seeks = self.missing or not self._is_here(self._way)
        interval = _OFTEN if seeks or since is not None else self._patience.consent
        if now - max(known.checked_at, known.answered_at) >= interval:
            self._check(self._way)
        if seeks or (since is not None and now - since > _DOUBT):
            self._search(now)
        if self._connection.ice_controlling:
            self._choose(now)

    def _search(self, now: float) -> None:
        """Check another pair each time, those of addresses that are gone left out."""
        for candidate in list(self._connection._remote_candidates):
            self._connection._pair_remote_candidate(candidate)
        self._connection.sort_check_list()
        pairs = [
            pair
            for pair in self._connection._check_list
            if pair is not self._way
            and self._is_here(pair)
            and now - self._of(pair).checked_at >= _SEARCH
        ]
        if pairs:
            self._check(min(pairs, key=lambda pair: self._of(pair).checked_at))

    def _choose(self, now: float) -> None:
        """Leave the way in use for the best pair that answers while it does not."""
        assert self._way is not None
        since = self._of(self._way).unanswered_since
        if since is None or now - since < _GRACE:
            return
        for pair in self._connection._check_list:  # the best first
            answered_at = self._of(pair).answered_at
            if pair is not self._way and answered_at > since and now - answered_at < _FRESH:
                self._connection._nominated[COMPONENT] = pair
                self._note_way()
                self._check(pair)
                return

    def _note_way(self) -> None:
        way = self._connection._nominated.get(COMPONENT)
        if way is not self._way:
            log.info("The way changed from %s to %s.", self._way, way)
            self._way = way
            for pair in self._connection._check_list:
                pair.remote_nominated = False  # What was asked before is void.
            if way is not None:
                self._on_route()

    # Checks

    def _check(self, pair: CandidatePair) -> None:
        """Send one check; what answers it comes to `answered`."""
        if pair.protocol in self._lost:
            return
        now = self._clock()
        known = self._of(pair)
        known.checked_at = now
        if known.unanswered_since is None:
            known.unanswered_since = now
        request = self._connection.build_request(pair, nominate=pair is self._way)
        request.add_message_integrity(self._key())
        check = _Check(self, pair, now)
        self._checks[request.transaction_id] = check
        transactions: dict[bytes, Any] = pair.protocol.transactions
        transactions[request.transaction_id] = check
        pair.protocol.send_stun(request, pair.remote_addr)

    def answered(self, check: _Check, message: stun.Message) -> None:
        """A response to a check came over its pair."""
        if not message.check_message_integrity(self._key()):
            return
        self._forget(message.transaction_id, check)
        pair, known = check.pair, self._of(check.pair)
        known.answered_at = self._clock()
        known.unanswered_since = None
        pair.state = CandidatePair.State.SUCCEEDED
        if pair.remote_nominated and not self._connection.ice_controlling:
            self._connection._nominated[COMPONENT] = pair
            self._note_way()
        pair.remote_nominated = False

    def _forget_checks(self, now: float) -> None:
        for key, check in list(self._checks.items()):
            if now - check.sent_at > _OUTSTANDING:
                self._forget(key, check)

    def _forget(self, key: bytes, check: _Check) -> None:
        self._checks.pop(key, None)
        check.pair.protocol.transactions.pop(key, None)

    def _key(self) -> bytes:
        password: str = self._connection.remote_password
        return password.encode()

    def _of(self, pair: CandidatePair) -> _Pair:
        return self._pairs.setdefault(pair, _Pair())

    # This computer's addresses

    def _follow_addresses(self, now: float) -> None:
        """Give a new address of this computer a socket, as when gathering."""
        if now - self._looked_at < self._patience.addresses:
            return
        self._looked_at = now
        found = self._own_addresses()
        self._unopened |= found - self._addresses
        self._unopened &= found
        self._addresses = found
        if self._unopened and (self._opening is None or self._opening.done()):
            new, self._unopened = self._unopened, set()
            self._opening = asyncio.ensure_future(self._open(sorted(new)))

    def _own_addresses(self) -> set[str]:
        try:
            return set(
                aioice.ice.get_host_addresses(
                    use_ipv4=self._connection._use_ipv4, use_ipv6=self._connection._use_ipv6
                )
            )
        except OSError as error:
            log.warning("This computer does not tell its addresses: %s", error)
            return self._addresses

    def _is_here(self, pair: CandidatePair) -> bool:
        """Whether a pair's own address is one this computer has now."""
        local = pair.local_candidate
        if pair.protocol in self._lost:
            return False
        return local.type != "host" or local.host in (_LOOPBACK | self._addresses)

    async def _open(self, addresses: list[str]) -> None:
        hidden = self._connection._transport_policy is aioice.ice.TransportPolicy.RELAY
        log.info("New addresses of this computer: %s", addresses)
        try:
            await self._connection.get_component_candidates(COMPONENT, [] if hidden else addresses)
        except Exception as error:
            log.warning("A new address could not be used: %r", error)

    def _meet_sockets(self) -> None:
        new = [socket for socket in self._connection._protocols if socket not in self._sockets]
        if new:
            self._sockets.update(new)
            self._on_sockets(new)
