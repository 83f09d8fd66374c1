"""What a model is shown: an index of the workspace, sources that pick pieces of it, one token budget."""
