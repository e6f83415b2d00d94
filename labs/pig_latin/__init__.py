"""Pig Latin: a small transformer learns to translate words (U. Toronto CSC413, assignment 3)."""
