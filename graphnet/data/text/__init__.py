"""Texts as arrays of numbers, and tales to learn from."""
