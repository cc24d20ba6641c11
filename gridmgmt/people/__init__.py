"""People (责任主体): units, posts and staffing, and who answers for what and where."""
