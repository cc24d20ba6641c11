"""How the server stands (站得住): what is asked of every request before and behind the routes."""
