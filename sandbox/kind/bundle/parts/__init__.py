"""One module for each component of the stack: the recipes of its programs, images and manifests."""
