"""Dialogue scripts into lines, takes into a timeline."""
