"""How alike two appeals are: the same words again, or the same matter in others' words."""
