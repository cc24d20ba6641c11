"""Files of this room → validated rows."""
