"""An agent accepts or corrects; nobody's ticket waits on nobody."""
