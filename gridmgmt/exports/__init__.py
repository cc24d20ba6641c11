"""Exports (导出): an assessment's documents as workbooks, pages, tables and small maps. Documents in, bytes out."""
