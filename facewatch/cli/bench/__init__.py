"""`facewatch bench`: the speed and memory of facewatch on this machine, each row in its own process."""
