"""`facewatch demo`: the daemon on a folder of its own."""
