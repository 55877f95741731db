"""Pages of reference, written from options, schemas and docstrings when pages are built."""
