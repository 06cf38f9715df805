"""`facewatch doctor`: checks of the installation."""
