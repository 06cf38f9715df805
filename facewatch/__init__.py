"""facewatch: watches folders and writes restored copies of the photos dropped into them."""

__version__ = "0.2.0.dev0"
