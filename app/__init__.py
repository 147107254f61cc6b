"""Undertone: voice calls between people, peer to peer, on almost no bandwidth."""

VERSION = "0.1.0"
