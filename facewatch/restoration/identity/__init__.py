"""The identity of restored faces: measured, judged, and protected."""
