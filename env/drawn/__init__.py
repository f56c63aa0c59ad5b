"""Draws scenes of flat shapes, asks questions about them, and writes both in the official formats of data sets."""
