"""What this room writes: rows and documents in, bytes and words out."""
