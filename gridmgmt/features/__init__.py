"""Features (要素服务): grids, indicators, cases, samples and layers as collections that map software pages through."""
