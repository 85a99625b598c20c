"""Attention backends behind one signature."""
