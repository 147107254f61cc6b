"""Models on disk: which there are, how one gets here, and that it is what it should be."""
