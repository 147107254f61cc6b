"""The same codecs made quick for streams: weights packed for this machine, numbers all but equal.

`codec/model/` is the plain path, which trains, tests and codes whole files. `packed(codec)` gives a
codec of the same class and states to whoever codes a chunk at a time.
"""
