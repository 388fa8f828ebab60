"""Bytes on disk become frames: one reader a container, chosen by content and never by file name.

Knows capture file formats. Must not know what is inside a frame: link layers, IP and IKE belong
to `pcapan.scan` and `pcapan.decode`.
"""
