"""Archives: the restoration of millions of photos on the workers of a Ray cluster."""
