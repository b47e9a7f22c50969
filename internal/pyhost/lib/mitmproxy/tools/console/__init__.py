"""The console does not exist in midstream."""
