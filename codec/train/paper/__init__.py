"""The five stages in which FocalCodec-Stream (arXiv 2509.16195) is trained, a file each."""
