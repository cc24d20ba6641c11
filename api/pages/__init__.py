"""Pages (页面): what the application itself shows a browser."""
