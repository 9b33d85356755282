"""How well people answer: agreement, gold images, and what pre-filling does."""
