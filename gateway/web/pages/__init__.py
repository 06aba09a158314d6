"""The citizen's pages: rendered here, working without JavaScript, in Chinese and English."""
