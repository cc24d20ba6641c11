"""Readers: files of a city → validated frames. What a city calls its columns is data (profiles), not code."""
