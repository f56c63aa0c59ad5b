"""Corrections: programs written by people where self-training stalls."""
