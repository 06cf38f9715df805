"""The words for what is known of a restored face's identity."""

from __future__ import annotations

from facewatch.restoration.types import FaceReport, Identity


def describe_identity(identity: Identity) -> str:
    """Return the words for one face: "similarity 0.71", "NOT THE SAME PERSON (similarity 0.21)"."""
    if identity.verdict == "cannot judge":
        return "too unclear to compare"
    measured = "" if identity.similarity is None else f"similarity {identity.similarity:.2f}"
    if identity.verdict == "other":
        return f"NOT THE SAME PERSON ({measured})" if measured else "NOT THE SAME PERSON"
    return measured


def describe_face(face: FaceReport) -> str:
    """Return the words for one face of a restored photo: "restored, weight 0.5, similarity 0.71"."""
    if face.fate == "kept":  # the original is shown; the similarity is that of what was not let through
        measured = face.identity.similarity if face.identity is not None else None
        return f"unchanged ({face.reason}{'' if measured is None else f', similarity {measured:.2f}'})"
    parts = ["restored"]
    if face.weight is not None:
        parts.append(f"weight {face.weight:g}")
    if face.identity is not None:
        parts.append(describe_identity(face.identity))
    return ", ".join(parts)
