"""The knowledge base's pages for its editors: what there is, one entry, its history."""
