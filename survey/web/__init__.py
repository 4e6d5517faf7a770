"""The HTTP addresses beside the pages: sign-in, gate, files, certificates."""
