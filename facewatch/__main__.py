"""`python -m facewatch`."""

from facewatch.cli import main

if __name__ == "__main__":
    main()
