"""Looks at what the compiler made: explains, measures, summarises and verifies it."""
