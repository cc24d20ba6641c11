"""Figures (指标): base counts and indicators of grids and units over a period."""
