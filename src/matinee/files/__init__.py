"""Writes files whole or not at all: model files, and any file that takes the place of another."""
