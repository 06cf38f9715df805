"""Facewatch measured against the programs that published its networks."""
