"""The revisions, in the order of their numbers; a published revision is never edited."""
