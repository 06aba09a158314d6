"""A small Chinese encoder: pre-trained on plain text, fine-tuned for all heads, exported."""
