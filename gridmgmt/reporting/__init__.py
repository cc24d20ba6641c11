"""Reporting (报送): what is due from whom, and when."""
