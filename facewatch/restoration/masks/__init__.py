"""Blending masks for restored faces."""
