"""`facewatch report`: one file for a bug report."""
