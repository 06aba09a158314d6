"""Pictures, video and sound of an appeal become words that triage reads.

A medium is claimed, fetched where it lies with a vendor, and read in a child process of its own;
its words are kept masked and sealed, and its ticket is triaged again. What cannot be read ends as
a note on the medium, never as a lost appeal. Nothing but the child imports what decodes media.
"""
