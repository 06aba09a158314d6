"""The knowledge base (知识库): answers that can be given on the spot, and how they are found."""
