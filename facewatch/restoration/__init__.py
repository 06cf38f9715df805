"""The core: image in, image out.  No threads, no settings, no folders, no logging."""
