"""Inspections (检查): plans, draws, check lists, findings and rectification notices."""
