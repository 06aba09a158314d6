"""The hotline's own pages: the form that citizens fill in, with or without JavaScript."""
