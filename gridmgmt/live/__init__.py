"""Live (实时消息): what happened told to whoever listens, lights that turn, hooks of other systems."""
