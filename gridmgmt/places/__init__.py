"""Places (网格与地点): grids in editions, their topology and lineage, the locator, reference layers and areas."""
