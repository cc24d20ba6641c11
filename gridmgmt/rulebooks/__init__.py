"""Rulebooks (考核办法): rules as data, computed with exact fractions, every point with its reason."""
