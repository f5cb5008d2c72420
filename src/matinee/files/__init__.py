"""Files that are written whole or not at all: model files, and the replacement of any file."""
