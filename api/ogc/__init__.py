"""The OGC API's documents (OGC 文档): links, descriptions, pages of features, as JSON and as plain HTML."""
