"""Grid management for digital urban management (数字化城市管理): the core, without web or map."""

__version__ = "0.3.0"
